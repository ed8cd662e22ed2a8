"""Runs operations: parse, validate, measure, execute, by graphql-core's public functions, with what is pure remembered."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import orjson
import strawberry
from cachetools import LRUCache, cached
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationType,
    execute_sync,
    get_operation_ast,
    get_variable_values,
    parse,
    validate,
)
from graphql.execution.values import VariableValues

from graphql_schema.context import GraphContext
from graphql_schema.execution import PlanningExecutor
from graphql_schema.limits import MAX_COST, Measure, Meter, check
from services.errors import InvalidInput, QueryTooComplex, TodoError
from services.reading.names import camel

MAX_DOCUMENT = 100_000  # characters
# What is remembered is bounded by its text; a syntax tree takes some fifty times the room, and even the shortest a little.
REMEMBERED = 600_000  # characters
_LEAST = 1_500  # characters that anything counts for

log = logging.getLogger("todo.graphql")


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """What a client sends, in whichever way."""

    query: str
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None
    wants_cost: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document, parsed and validated; without a document there are only errors."""

    document: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    size: int


@dataclass(slots=True)
class Rehearsal:
    """What an operation with these variables will be: what it amounts to, and its selections as they become known.

    Once a query has gone well, its selections are known to be all there is to it: then it `is_known`, and reading is enough.
    """

    measure: Measure
    size: int
    selections: dict[str, Any] = field(default_factory=dict)
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to answer. `executed` is False where the request itself was at fault; there is no `data` then."""

    body: dict[str, Any]
    executed: bool


class Graph:
    """The schema, ready to run operations. Its methods block: call them in a worker thread."""

    def __init__(self, schema: strawberry.Schema, max_cost: int = MAX_COST) -> None:
        self._core = schema._schema  # noqa: SLF001 - the graphql-core schema has no public name
        self._max_cost = max_cost
        self._prepare = cached(_memory(), lock=Lock())(self._prepare_anew)
        self._rehearse = cached(_memory(), lock=Lock())(self._rehearse_anew)

    def operation_type(self, request: GraphRequest) -> OperationType | None:
        """Return what kind of operation would run, if that can be told."""
        document = self._prepared(request.query).document
        operation = get_operation_ast(document, request.operation_name) if document else None
        return operation.operation if operation else None

    def run(self, request: GraphRequest, context: GraphContext) -> Outcome:
        """Run the operation from its first field to its last, and close what it opened."""
        prepared = self._prepared(request.query)
        if prepared.document is None or prepared.errors:
            return _refused(prepared.errors)
        try:
            rehearsal = self._rehearsal(request, prepared.document)
            check(rehearsal.measure, self._max_cost)
            outcome = self._read_again(rehearsal, context) or self._execute(prepared.document, request, rehearsal, context)
        except (QueryTooComplex, InvalidInput) as error:
            return Outcome(request_error(error), executed=False)
        except RecursionError:
            return _refused((GraphQLError("The operation is nested too deeply."),))
        finally:
            context.close()
        if request.wants_cost:
            outcome.body["extensions"] = {"cost": {"requested": rehearsal.measure.cost, "limit": self._max_cost}}
        return outcome

    def _read_again(self, rehearsal: Rehearsal, context: GraphContext) -> Outcome | None:
        """Run a known query by its readings alone.

        Where one fails, executing the operation says how that is answered, and until it goes well again it is not known.
        """
        if not rehearsal.is_known:
            return None
        try:
            snapshot = context.snapshot
            return Outcome({"data": {key: reading(snapshot) for key, reading in rehearsal.selections.items()}}, executed=True)
        except TodoError:
            rehearsal.is_known = False
            return None

    def _execute(self, document: DocumentNode, request: GraphRequest, rehearsal: Rehearsal, context: GraphContext) -> Outcome:
        context.selections = rehearsal.selections
        result = execute_sync(
            self._core,
            document,
            context_value=context,
            variable_values=dict(request.variables or {}),
            operation_name=request.operation_name,
            executor_class=PlanningExecutor,
        )
        operation = get_operation_ast(document, request.operation_name)
        if operation is not None and operation.operation is OperationType.QUERY and result.data and not result.errors:
            rehearsal.is_known = list(result.data) == list(rehearsal.selections)
        return _answered(result)

    def _prepared(self, query: str) -> Prepared:
        if len(query) > MAX_DOCUMENT:
            return _flawed(GraphQLError(f"The document is longer than {MAX_DOCUMENT} characters."), 0)
        return self._prepare(query)

    def _prepare_anew(self, query: str) -> Prepared:
        size = len(query) + _LEAST
        try:
            document = _unchained(parse(query))
            return Prepared(document, tuple(validate(self._core, document)), size)
        except GraphQLError as error:
            return _flawed(error, size)
        except RecursionError:
            return _flawed(GraphQLError("The document is nested too deeply."), size)

    def _rehearsal(self, request: GraphRequest, document: DocumentNode) -> Rehearsal:
        """Mutations are not remembered: their variables hardly come twice, and may hold a password."""
        try:
            given = orjson.dumps(request.variables)
        except orjson.JSONEncodeError:
            raise InvalidInput.at("", "The variables are nested too deeply.") from None
        operation = get_operation_ast(document, request.operation_name)
        if operation is None or operation.operation is not OperationType.QUERY:
            return self._rehearse_anew(request.query, request.operation_name, given)
        return self._rehearse(request.query, request.operation_name, given)

    def _rehearse_anew(self, query: str, operation_name: str | None, given: bytes) -> Rehearsal:
        """Where it cannot be told which operation it is or what its variables are, executing will say so; that costs nothing."""
        document = self._prepared(query).document
        operation = get_operation_ast(document, operation_name) if document else None
        size = len(query) + len(given) + _LEAST
        if document is None or operation is None:
            return Rehearsal(Measure(), size)
        variables = get_variable_values(self._core, operation.variable_definitions or (), orjson.loads(given) or {})
        if not isinstance(variables, VariableValues):
            return Rehearsal(Measure(), size)
        return Rehearsal(Meter(self._core, document, variables.coerced).measure(operation), size)


def _unchained(document: DocumentNode) -> DocumentNode:
    """Part the tokens from each other: linked both ways, they would keep a forgotten document until the next full collection."""
    token = document.loc.start_token if document.loc else None
    while token is not None:
        following = token.next
        token.prev = token.next = None
        token = following
    return document


def _flawed(error: GraphQLError, size: int) -> Prepared:
    """Return a document that is none. The error is kept without the frames that it was raised in."""
    return Prepared(None, (error.with_traceback(None),), size)


def _memory() -> LRUCache[Any, Any]:
    return LRUCache(REMEMBERED, getsizeof=lambda remembered: remembered.size)


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
    elif cause is None or isinstance(cause, GraphQLError) or error.path is None:
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
