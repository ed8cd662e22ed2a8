"""Results of operations: response body, HTTP status and headers, from execution results and errors."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from graphql import ExecutionResult, GraphQLError

from services.errors import RateLimited, TodoError, shorten
from services.logs.unavailability import log_unavailability
from services.query_engine.case_conversion import to_camel_case

PARTIAL_SUCCESS = 294
_INTERNAL_MESSAGE = "Internal server error"
_INTERNAL = {"code": "INTERNAL", "status": 500}

log = logging.getLogger("todo.graphql")


@dataclass(frozen=True, slots=True)
class OperationResult:
    """Response to an operation. `executed` is False if the request is invalid or was rejected; then the body has no `data`.

    `status` follows GraphQL over HTTP (September 2026): 294 for a partial success, 400 if the document cannot be parsed, else the
    status of the error. `headers` belong to that status, for example Retry-After.
    """

    body: dict[str, Any]
    executed: bool
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def error_result(error: TodoError) -> OperationResult:
    """Return the result for a request that was rejected before its execution."""
    log_unavailability(error)
    body = {"errors": [{"message": error.detail, "extensions": _camel_case_extensions(error.extensions)}]}
    return OperationResult(body, executed=False, status=error.status, headers=dict(error.headers))


def invalid_result(errors: Iterable[GraphQLError], status: int) -> OperationResult:
    """Return the result for an invalid document, operation or variables."""
    return OperationResult({"errors": [_format_error(error) for error in errors]}, executed=False, status=status)


def internal_error_result(error: Exception) -> OperationResult:
    """Return the result for an unexpected error outside of a field, which is logged and masked."""
    log.error("unhandled exception", exc_info=error)
    return OperationResult({"errors": [{"message": _INTERNAL_MESSAGE, "extensions": _INTERNAL}]}, executed=False, status=500)


def execution_result(result: ExecutionResult, *, is_single: bool) -> OperationResult:
    """Return the result for an execution by graphql-core, which may also have rejected the operation.

    `is_single` means that the operation has one root field: if its rate limit is exceeded, nothing was executed, and the result
    has the status 429.
    """
    if result.errors and result.data is None and all(error.path is None for error in result.errors):
        return invalid_result(result.errors, 422)
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [_format_error(error) for error in result.errors]
        cause = result.errors[0].original_error
        if is_single and isinstance(cause, RateLimited):
            return OperationResult(body, executed=True, status=cause.status, headers=dict(cause.headers))
        return OperationResult(body, executed=True, status=PARTIAL_SUCCESS)
    return OperationResult(body, executed=True)


def _format_error(error: GraphQLError) -> dict[str, Any]:
    """Return an error as JSON. Other exceptions than TodoError and GraphQLError are logged and masked."""
    formatted: dict[str, Any] = {**error.formatted, "message": shorten(error.message)}
    cause = error.original_error
    if isinstance(cause, TodoError):
        log_unavailability(cause)
        formatted["extensions"] = _camel_case_extensions(cause.extensions)
    elif cause is None or isinstance(cause, GraphQLError) or error.path is None:
        formatted["extensions"] = {"code": "INVALID_INPUT", "status": 422}
    else:
        log.error("unhandled exception", exc_info=cause)
        formatted["message"] = _INTERNAL_MESSAGE
        formatted["extensions"] = _INTERNAL
    return formatted


def _camel_case_extensions(extensions: dict[str, Any]) -> dict[str, Any]:
    camel_case = {to_camel_case(name): value for name, value in extensions.items()}
    if "errors" in camel_case:
        camel_case["errors"] = [{**error, "pointer": to_camel_case(error["pointer"])} for error in camel_case["errors"]]
    return camel_case
