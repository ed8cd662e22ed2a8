"""Runs operations: parse, validate, execute, by graphql-core's public functions, with what is pure cached."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationType,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)

from graphql_schema.context import GraphContext
from graphql_schema.execution import PlanningExecutor
from services.errors import TodoError
from services.reading.names import camel

MAX_DOCUMENT = 100_000  # characters
MAX_CACHED = 256

log = logging.getLogger("todo.graphql")


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """What a client sends, in whichever way."""

    query: str
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document, parsed and validated; without a document there are only errors."""

    document: DocumentNode | None
    errors: tuple[GraphQLError, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to answer. `executed` is False where the request itself was at fault; there is no `data` then."""

    body: dict[str, Any]
    executed: bool


class Graph:
    """The schema, ready to run operations. Its methods block: call them in a worker thread."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._core = schema._schema  # noqa: SLF001 - the graphql-core schema has no public name
        self._prepare = lru_cache(maxsize=MAX_CACHED)(self._prepare_anew)

    def operation_type(self, request: GraphRequest) -> OperationType | None:
        """Return what kind of operation would run, if that can be told."""
        document = self._prepare(request.query).document
        operation = get_operation_ast(document, request.operation_name) if document else None
        return operation.operation if operation else None

    def run(self, request: GraphRequest, context: GraphContext) -> Outcome:
        """Run the operation from its first field to its last, and close what it opened."""
        prepared = self._prepare(request.query)
        if prepared.document is None or prepared.errors:
            return _refused(prepared.errors)
        try:
            result = execute_sync(
                self._core,
                prepared.document,
                context_value=context,
                variable_values=dict(request.variables or {}),
                operation_name=request.operation_name,
                executor_class=PlanningExecutor,
            )
        except RecursionError:
            return _refused((GraphQLError("The operation is nested too deeply."),))
        finally:
            context.close()
        return _answered(result)

    def _prepare_anew(self, query: str) -> Prepared:
        if len(query) > MAX_DOCUMENT:
            return Prepared(None, (GraphQLError(f"The document is longer than {MAX_DOCUMENT} characters."),))
        try:
            document = parse(query)
            return Prepared(document, tuple(validate(self._core, document)))
        except GraphQLError as error:
            return Prepared(None, (error,))
        except RecursionError:
            return Prepared(None, (GraphQLError("The document is nested too deeply."),))


def request_error(error: TodoError) -> dict[str, Any]:
    """Return the body that says what is wrong with a request that could not be run."""
    return {"errors": [{"message": error.detail, "extensions": _spelled(error.extensions)}]}


def _refused(errors: tuple[GraphQLError, ...]) -> Outcome:
    return Outcome({"errors": [_rendered(error) for error in errors]}, executed=False)


def _answered(result: ExecutionResult) -> Outcome:
    if result.errors and result.data is None and all(error.path is None for error in result.errors):
        return _refused(tuple(result.errors))
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [_rendered(error) for error in result.errors]
    return Outcome(body, executed=True)


def _rendered(error: GraphQLError) -> dict[str, Any]:
    """Show our own errors and the client's; mask everything else, and log it."""
    rendered: dict[str, Any] = dict(error.formatted)
    cause = error.original_error
    if isinstance(cause, TodoError):
        rendered["extensions"] = _spelled(cause.extensions)
    elif cause is None or error.path is None:
        rendered["extensions"] = {"code": "INVALID_INPUT", "status": 422}
    else:
        log.error("unexpected error", exc_info=cause)
        rendered["message"] = "Internal server error"
        rendered["extensions"] = {"code": "INTERNAL", "status": 500}
    return rendered


def _spelled(extensions: dict[str, Any]) -> dict[str, Any]:
    if "errors" not in extensions:
        return extensions
    return {**extensions, "errors": [{**flaw, "pointer": camel(flaw["pointer"])} for flaw in extensions["errors"]]}
