"""Log of the causes of status 503: one line per kind of cause and minute, with the number of lines that were left out."""

import logging
from http import HTTPStatus

from sqlalchemy.exc import DBAPIError

from models.readiness import NotReadyError
from services.errors import TodoError
from services.logs.throttle import LogThrottle

_log = logging.getLogger("todo.unavailable")
_readiness_log = logging.getLogger("todo.readiness")


throttle = LogThrottle()  # of this process


def log_unavailability(error: TodoError) -> None:
    """Log the cause of an error with the status 503; ignore other errors. Its text contains no values of clients."""
    if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
        return
    kind, cause = _describe(error)
    is_probe = isinstance(error.__cause__, NotReadyError)
    log, message = (_readiness_log, "readiness check failed") if is_probe else (_log, "request not served")
    throttle.warning(log, f"{error.code} {kind}", f"{message}: {cause}")


def _describe(error: TodoError) -> tuple[str, str]:
    """Return the kind of the cause, and its text: of a database error the message without details, which repeat values."""
    cause = error.__cause__
    if isinstance(cause, DBAPIError):
        original = cause.orig
        kind = getattr(original, "pgcode", None) or type(original).__name__
        message = getattr(getattr(original, "diag", None), "message_primary", None) or str(original).partition("\n")[0]
        return kind, f"{kind}: {message.strip()}"
    if isinstance(cause, NotReadyError):
        return str(cause), str(cause)
    kind = error.detail if cause is None else f"{error.detail} {type(cause).__name__}"
    return kind, error.detail if cause is None else f"{error.detail} ({type(cause).__name__}: {cause})"
