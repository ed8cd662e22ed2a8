"""Examples of problem details, one for each status."""

from typing import Any

import orjson

from api.problem_details import InternalError, problem_response
from api.server.protocol_errors import HeadersTooLarge, MalformedRequest, RequestTimeout
from models.base import EXAMPLE_ID
from services.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    PreconditionFailed,
    RateLimited,
    TodoError,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from services.query_engine.entity_registry import TASK

_REQUEST_ID = "5f0c2a7d9be14c0f8f4c1d2e3a4b5c6d"
_ERRORS: tuple[TodoError, ...] = (
    MalformedRequest("The request is not valid HTTP."),
    Unauthenticated("The token has expired."),
    Forbidden("The user id in the path does not match the token."),
    NotFound("Task not found."),
    MethodNotAllowed("Method not allowed; see the Allow header."),
    RequestTimeout("The rest of the request was not received in time."),
    Conflict(f"The id {EXAMPLE_ID} is already in use."),
    PreconditionFailed(TASK.example, "The resource has changed since the given revision; see `current`."),
    PayloadTooLarge("The body is larger than 1048576 bytes."),
    UnsupportedMediaType("Unsupported media type; send application/json."),
    InvalidInput.at_pointer("/title", "Must not be blank."),
    RateLimited("1200 requests in 60 seconds", 12),
    HeadersTooLarge("The request line and headers exceed 32768 bytes."),
    InternalError(),
    Unavailable("The database is temporarily unavailable."),
)


def _render(error: TodoError) -> dict[str, Any]:
    example: dict[str, Any] = orjson.loads(bytes(problem_response(error, _REQUEST_ID).body))
    return example


ERROR_EXAMPLES = {error.status: _render(error) for error in _ERRORS}
