"""Runs operations: parse, validate, measure, execute, by graphql-core's public functions, with what is pure remembered."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLError, OperationType, execute_sync

from graphql_schema.context import GraphContext
from graphql_schema.execution import PlanningExecutor
from graphql_schema.limits import MAX_COST, check
from graphql_schema.repertoire import Rehearsal, Repertoire
from services.errors import InvalidInput, QueryTooComplex, TodoError
from services.reading.names import camel

log = logging.getLogger("todo.graphql")


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """What a client sends, in whichever way."""

    query: str
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None
    wants_cost: bool = False


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
        self.repertoire = Repertoire(self._core)

    def operation_type(self, request: GraphRequest) -> OperationType | None:
        """Return what kind of operation would run, if that can be told."""
        return self.repertoire.operation_type(request.query, request.operation_name)

    def run(self, request: GraphRequest, context: GraphContext) -> Outcome:
        """Run the operation from its first field to its last, and close what it opened."""
        prepared = self.repertoire.prepared(request.query)
        if prepared.document is None or prepared.errors:
            return _refused(prepared.errors)
        try:
            rehearsal = self.repertoire.rehearsal(request.query, request.operation_name, request.variables)
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
        if result.data and not result.errors and self.operation_type(request) is OperationType.QUERY:
            rehearsal.is_known = list(result.data) == list(rehearsal.selections)
        return _answered(result)


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
