"""Logging on standard error: readable lines on a terminal, JSON elsewhere; without bodies, headers or secrets."""

import logging
import re
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

from api.settings import LogFormat, Settings

current_request_id: ContextVar[str | None] = ContextVar("current_request_id", default=None)

# The messages of these errors repeat values that the client sent.
_REDACTED_EXCEPTIONS = (StatementError, psycopg2.Error, ValidationError)
_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


_CONTROL_CHARACTER = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_PLAIN_VALUE = re.compile(r"[^\s\"=]+")
_RESET, _DIM = "\x1b[0m", "\x1b[2m"
_LEVEL_COLORS = {"INFO": "\x1b[32m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}


class JsonFormatter(logging.Formatter):
    """Formats a log record and its extra fields as JSON; omits fields that are None."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        fields = {
            "timestamp": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extra_fields(record),
        }
        if traceback_text := _traceback_text(record):
            fields["traceback"] = traceback_text
        return orjson.dumps(fields, default=str, option=orjson.OPT_UTC_Z).decode()


class TextFormatter(logging.Formatter):
    """Formats a log record as local time, level, logger, message and `name=value` for each extra field, for people."""

    def __init__(self, *, with_colors: bool) -> None:
        super().__init__()
        self._with_colors = with_colors

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the lines of the traceback if there is one."""
        time = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        level = self._color(f"{record.levelname:<8}", _LEVEL_COLORS.get(record.levelname, ""))
        message = _escape(record.getMessage()).replace("\n", "\\n")
        fields = " ".join(f"{name}={_format_value(value)}" for name, value in _extra_fields(record).items())
        parts = (self._color(time, _DIM), level, self._color(record.name, _DIM), message, self._color(fields, _DIM))
        return " ".join(part for part in parts if part) + _escape("\n" + _traceback_text(record)).rstrip()

    def _color(self, text: str, color: str) -> str:
        return f"{color}{text}{_RESET}" if self._with_colors and text and color else text


def _extra_fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return the extra fields of a record and the id of the current request, without those that are None."""
    fields = {name: value for name, value in vars(record).items() if name not in _STANDARD_ATTRIBUTES}
    fields.setdefault("request_id", current_request_id.get())
    return {name: value for name, value in fields.items() if value is not None}


def _format_value(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and _PLAIN_VALUE.fullmatch(text) else orjson.dumps(_escape(text)).decode()


def _escape(text: str) -> str:
    """Return the text with control characters escaped, except newlines: a terminal would interpret them."""
    return _CONTROL_CHARACTER.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def _traceback_text(record: logging.LogRecord) -> str:
    return "".join(_format_traceback(record.exc_info[1])) if record.exc_info and record.exc_info[1] else ""


def _format_traceback(error: BaseException) -> Iterator[str]:
    """Yield the traceback of an error, after those of its causes, without messages that repeat what the client sent."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _format_traceback(cause)
    yield from traceback.format_tb(error.__traceback__)
    message = getattr(error, "pgcode", None) or "message redacted" if isinstance(error, _REDACTED_EXCEPTIONS) else str(error)
    yield f"{type(error).__qualname__}: {message}\n"


def configure_logging(settings: Settings | None = None) -> None:
    """Send all logs to one handler. Disable uvicorn's access log, which repeats ours with fewer fields.

    The format is chosen by LOG_FORMAT; by default, and before the settings are read, by whether standard error is a terminal.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(settings.log_format if settings else LogFormat.AUTO, is_terminal=sys.stderr.isatty()))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").disabled = True
    for noisy in ("alembic", "strawberry.execution", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _formatter(log_format: LogFormat, *, is_terminal: bool) -> logging.Formatter:
    is_text = log_format is LogFormat.TEXT or (log_format is LogFormat.AUTO and is_terminal)
    return TextFormatter(with_colors=is_terminal) if is_text else JsonFormatter()
