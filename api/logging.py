"""Logging: one JSON object per line on standard error, without bodies, headers or secrets."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg2
from pydantic import ValidationError
from sqlalchemy.exc import StatementError

current_request_id: ContextVar[str | None] = ContextVar("current_request_id", default=None)

# The messages of these errors repeat values that the client sent.
_REDACTED_EXCEPTIONS = (StatementError, psycopg2.Error, ValidationError)
_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonFormatter(logging.Formatter):
    """Formats a log record and its extra fields as JSON; omits fields that are None."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        fields: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= {name: value for name, value in vars(record).items() if name not in _STANDARD_ATTRIBUTES}
        fields.setdefault("request_id", current_request_id.get())
        if record.exc_info and record.exc_info[1]:
            fields["traceback"] = "".join(_format_traceback(record.exc_info[1]))
        present = {name: value for name, value in fields.items() if value is not None}
        return orjson.dumps(present, default=str, option=orjson.OPT_UTC_Z).decode()


def _format_traceback(error: BaseException) -> Iterator[str]:
    """Yield the traceback of an error, after those of its causes, without messages that repeat what the client sent."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _format_traceback(cause)
    yield from traceback.format_tb(error.__traceback__)
    message = getattr(error, "pgcode", None) or "message redacted" if isinstance(error, _REDACTED_EXCEPTIONS) else str(error)
    yield f"{type(error).__qualname__}: {message}\n"


def configure_logging() -> None:
    """Send all logs to one handler. Disable uvicorn's access log, which repeats ours with fewer fields."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").disabled = True
    for noisy in ("alembic", "strawberry.execution", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
