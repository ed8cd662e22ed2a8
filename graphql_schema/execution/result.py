"""What operations come to: results and errors → the body of an answer, and how HTTP would put it."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from graphql import ExecutionResult, GraphQLError

from services.errors import RateLimited, TodoError
from services.query_engine.case_conversion import to_camel_case

PARTIAL_SUCCESS = 294

log = logging.getLogger("todo.graphql")


@dataclass(frozen=True, slots=True)
class OperationResult:
    """What to answer. `executed` is False where the request itself was at fault; there is no `data` then.

    `status` is that of GraphQL over HTTP (September 2026): 294 where some fields could not be answered, 400 where the document
    cannot be parsed, and otherwise the error's own. `headers` are what HTTP says beside that status.
    """

    body: dict[str, Any]
    executed: bool
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def error_result(error: TodoError) -> OperationResult:
    """Return what to answer to a request that could not be run."""
    body = {"errors": [{"message": error.detail, "extensions": _camel_case_extensions(error.extensions)}]}
    return OperationResult(body, executed=False, status=error.status, headers=dict(error.headers))


def invalid_result(errors: Iterable[GraphQLError], status: int) -> OperationResult:
    """Return what to answer to a document, an operation or variables that are not right."""
    return OperationResult({"errors": [_format_error(error) for error in errors]}, executed=False, status=status)


def execution_result(result: ExecutionResult, *, is_single: bool) -> OperationResult:
    """Return what to answer after graphql-core has seen the operation; perhaps it refused to run it.

    `is_single` where the operation runs one field: if that asked for too much, nothing has been done.
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
    """Show our own errors and the client's; mask everything else, and log it."""
    rendered: dict[str, Any] = dict(error.formatted)
    cause = error.original_error
    if isinstance(cause, TodoError):
        rendered["extensions"] = _camel_case_extensions(cause.extensions)
    elif cause is None or isinstance(cause, GraphQLError) or error.path is None:
        rendered["extensions"] = {"code": "INVALID_INPUT", "status": 422}
    else:
        log.error("unexpected error", exc_info=cause)
        rendered["message"] = "Internal server error"
        rendered["extensions"] = {"code": "INTERNAL", "status": 500}
    return rendered


def _camel_case_extensions(extensions: dict[str, Any]) -> dict[str, Any]:
    spelled = {to_camel_case(name): value for name, value in extensions.items()}
    if "errors" in spelled:
        spelled["errors"] = [{**flaw, "pointer": to_camel_case(flaw["pointer"])} for flaw in spelled["errors"]]
    return spelled
