"""Logs: one JSON object per line on standard error. Nothing here ever sees a body, a header or a secret."""

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

# What the driver and pydantic say of an error repeats what the client sent.
_REDACTED_EXCEPTIONS = (StatementError, psycopg2.Error, ValidationError)
_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonFormatter(logging.Formatter):
    """Renders a record and its extras; what is None is left out."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD_ATTRIBUTES}
        line.setdefault("request_id", current_request_id.get())
        if record.exc_info and record.exc_info[1]:
            line["traceback"] = "".join(_format_traceback(record.exc_info[1]))
        said = {name: value for name, value in line.items() if value is not None}
        return orjson.dumps(said, default=str, option=orjson.OPT_UTC_Z).decode()


def _format_traceback(error: BaseException) -> Iterator[str]:
    """Yield the traceback of an error and of what caused it, without messages that repeat what the client sent."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _format_traceback(cause)
    yield from traceback.format_tb(error.__traceback__)
    what = getattr(error, "pgcode", None) or "message withheld" if isinstance(error, _REDACTED_EXCEPTIONS) else str(error)
    yield f"{type(error).__qualname__}: {what}\n"


def configure_logging() -> None:
    """Send everything through one handler; uvicorn's own access log would say less, twice."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").disabled = True
    for noisy in ("alembic", "strawberry.execution", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
