"""What a connection is told that does not come as far as a request: the bytes, since no application answers it."""

import logging
import uuid
from collections.abc import Iterable

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from api.problem_details import problem_response
from services.errors import TodoError

log = logging.getLogger("todo.protocol")


class MalformedRequest(TodoError):
    """These bytes are no HTTP request."""

    code, status, title = "MALFORMED_REQUEST", 400, "Malformed request"


class HeadersTooLarge(TodoError):
    """The request line and the headers, or the trailers, are longer than the service reads."""

    code, status, title = "HEADERS_TOO_LARGE", 431, "Request headers too large"


class RequestTimeout(TodoError):
    """The rest of the request does not come."""

    code, status, title = "REQUEST_TIMEOUT", 408, "Request timeout"


def error_response_bytes(error: TodoError, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the whole answer, in the form that all errors have, and note in the log that it was given."""
    request_id = uuid.uuid4().hex
    log.info("refused", extra={"request_id": request_id, "code": error.code, "status": error.status})
    answer = problem_response(error, request_id, {"X-Request-Id": request_id, "Connection": "close"})
    lines = [b"%b: %b\r\n" % header for header in (*headers, *answer.raw_headers)]
    return b"".join([STATUS_LINE[error.status], *lines, b"\r\n", bytes(answer.body)])
