"""Runs operations: parse, validate, measure, execute, by graphql-core's public functions, with what is pure remembered."""

from collections.abc import Mapping

import strawberry
from graphql import DocumentNode, GraphQLError, OperationType, execute_sync

from graphql_schema.context import GraphContext
from graphql_schema.execution import PlanningExecutor
from graphql_schema.limits import MAX_COST, check
from graphql_schema.outcomes import Outcome, answered, failed, refused
from graphql_schema.persisted import PersistedDocuments
from graphql_schema.repertoire import Rehearsal, Repertoire
from graphql_schema.requests import GraphRequest
from services.errors import MethodNotAllowed, TodoError

# Mutations that are attempts to get in.
ATTEMPTS = frozenset({"register", "logIn", "refresh"})


class Graph:
    """The schema, ready to run operations. Its methods block: call them in a worker thread."""

    def __init__(
        self,
        schema: strawberry.Schema,
        max_cost: int = MAX_COST,
        *,
        introspection: bool = True,
        listed: Mapping[str, str] | None = None,
        only_listed: bool = False,
    ) -> None:
        """Make it ready. `listed` are persisted documents by their digests. Raises UnusableListError."""
        self._core = schema._schema  # noqa: SLF001 - the graphql-core schema has no public name
        self._max_cost = max_cost
        self._is_secretive = not introspection
        self.repertoire = Repertoire(self._core, introspection=introspection)
        self.documents = PersistedDocuments(self.repertoire, listed or {}, only=only_listed)

    def run(self, request: GraphRequest, context: GraphContext, *, only_reading: bool = False) -> Outcome:
        """Run the operation from its first field to its last, and close what it opened.

        `only_reading` refuses mutations, where the operation came by a way that must not change anything.
        """
        try:
            request = self.documents.resolved(request)
            prepared = self.repertoire.prepared(request.query)
            if prepared.document is None or prepared.errors:
                return refused(prepared.errors, 400 if prepared.document is None else 422)
            if only_reading and self._type(request) not in {None, OperationType.QUERY}:
                raise MethodNotAllowed("GET only reads; send this operation by POST.")
            return self._run(prepared.document, request, context)
        except TodoError as error:
            return failed(error)
        except RecursionError:
            return refused((GraphQLError("The operation is nested too deeply."),), 422)
        finally:
            context.close()

    def _run(self, document: DocumentNode, request: GraphRequest, context: GraphContext) -> Outcome:
        rehearsal = self.repertoire.rehearsal(request.query, request.operation_name, request.variables)
        check(rehearsal.measure, self._max_cost)
        attempts = sum(name in ATTEMPTS for name in rehearsal.roots)
        context.reserve_quota(max(1, len(rehearsal.roots)), rehearsal.measure.cost, attempts)
        outcome = self._read_again(rehearsal, request, context) or self._execute(document, request, rehearsal, context)
        if request.wants_cost:
            outcome.body["extensions"] = {"cost": {"requested": rehearsal.measure.cost, "limit": self._max_cost}}
        return outcome

    def _type(self, request: GraphRequest) -> OperationType | None:
        return self.repertoire.operation_type(request.query, request.operation_name)

    def _read_again(self, rehearsal: Rehearsal, request: GraphRequest, context: GraphContext) -> Outcome | None:
        """Run a known query by its readings alone.

        Where one fails, executing the operation says how that is answered, and until it goes well again it is not known.
        """
        if not rehearsal.is_known:
            return None
        try:
            snapshot, variables = context.snapshot, request.variables or {}
        except TodoError:
            rehearsal.is_known = False
            return None
        try:
            data = {key: rehearsed.read(snapshot, variables) for key, rehearsed in rehearsal.selections.items()}
            return Outcome({"data": data}, executed=True)
        except TodoError:
            snapshot.budget.renew()
            rehearsal.is_known = False
            return None

    def _execute(self, document: DocumentNode, request: GraphRequest, rehearsal: Rehearsal, context: GraphContext) -> Outcome:
        context.rehearsal = rehearsal
        result = execute_sync(
            self._core,
            document,
            context_value=context,
            variable_values=dict(request.variables or {}),
            operation_name=request.operation_name,
            executor_class=PlanningExecutor,
            hide_suggestions=self._is_secretive,
        )
        if result.data and not result.errors and self._type(request) is OperationType.QUERY:
            rehearsal.is_known = list(result.data) == list(rehearsal.selections)
        return answered(result, is_single=len(rehearsal.roots) == 1)
