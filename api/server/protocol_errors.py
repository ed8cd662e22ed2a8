"""Errors of the HTTP protocol. They occur before a request reaches the app, so they are sent as raw bytes."""

import logging
import uuid
from collections.abc import Iterable

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from api.problem_details import problem_response
from services.errors import TodoError

log = logging.getLogger("todo.http.protocol")


class MalformedRequest(TodoError):
    """The received bytes are not a valid HTTP request."""

    code, status, title = "MALFORMED_REQUEST", 400, "Malformed request"


class HeadersTooLarge(TodoError):
    """The request line and headers, the trailers or the chunked encoding overhead exceed the limit."""

    code, status, title = "HEADERS_TOO_LARGE", 431, "Request headers too large"


class RequestTimeout(TodoError):
    """The rest of the request was not received in time."""

    code, status, title = "REQUEST_TIMEOUT", 408, "Request timeout"


def error_response_bytes(error: TodoError, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return a complete response with problem details as bytes, and log the rejection."""
    request_id = uuid.uuid4().hex
    log.info(
        "request rejected by HTTP protocol limits", extra={"request_id": request_id, "code": error.code, "status": error.status}
    )
    response = problem_response(error, request_id, {"X-Request-Id": request_id, "Connection": "close"})
    lines = [b"%b: %b\r\n" % header for header in (*headers, *response.raw_headers)]
    return b"".join([STATUS_LINE[error.status], *lines, b"\r\n", bytes(response.body)])
