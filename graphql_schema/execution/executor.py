"""GraphQL executor: parses, validates, analyzes and executes operations with graphql-core, or replays compiled queries."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLError, OperationType, execute_sync

from graphql_schema.context import GraphQLContext
from graphql_schema.cost.limits import MAX_COST, check_complexity
from graphql_schema.documents.compiled_operation import CompiledOperation
from graphql_schema.documents.operation_cache import OperationCache, ParsedDocument
from graphql_schema.documents.persisted import PersistedDocuments
from graphql_schema.documents.public_fields import PublicFields
from graphql_schema.documents.request import GraphQLRequest
from graphql_schema.execution.introspection_cache import IntrospectionCache
from graphql_schema.execution.result import OperationResult, error_result, execution_result, internal_error_result, invalid_result
from graphql_schema.lookahead import LookaheadExecutionContext
from services.errors import MethodNotAllowed, StaleTransaction, TodoError

# Mutations that count as authentication attempts.
AUTH_MUTATIONS = frozenset({"register", "logIn", "refresh"})


class GraphQLExecutor:
    """Executes operations of one schema. Its methods block: call them in a worker thread."""

    def __init__(
        self,
        schema: strawberry.Schema,
        max_cost: int = MAX_COST,
        *,
        introspection: bool = True,
        allow_list: Mapping[str, str] | None = None,
        allow_list_only: bool = False,
    ) -> None:
        """Create the executor. `allow_list` maps hashes to persisted documents. Raises InvalidAllowListError."""
        self._core = schema._schema  # noqa: SLF001 - the graphql-core schema has no public name
        self._max_cost = max_cost
        self._hide_schema = not introspection
        self._public_fields = PublicFields(self._core)
        self._introspection = IntrospectionCache()
        self.cache = OperationCache(self._core, introspection=introspection)
        self.documents = PersistedDocuments(self.cache, allow_list or {}, allow_list_only=allow_list_only)

    def execute(self, request: GraphQLRequest, context: GraphQLContext, *, read_only: bool = False) -> OperationResult:
        """Return the result of the operation, and close the context. Raises nothing: every error is a GraphQL error.

        `read_only` rejects mutations, for requests with a safe HTTP method.
        """
        try:
            with closing(context):
                return self._resolve_and_execute(request, context, read_only=read_only)
        except TodoError as error:
            return error_result(error)
        except RecursionError:
            return invalid_result((GraphQLError("The operation is nested too deeply."),), 422)
        except Exception as error:  # noqa: BLE001 - it is logged
            return internal_error_result(error)

    def _resolve_and_execute(self, request: GraphQLRequest, context: GraphQLContext, *, read_only: bool) -> OperationResult:
        request = self.documents.resolve(request)
        parsed = self._validate(request, context)
        if parsed.document is None or parsed.errors:
            return invalid_result(parsed.errors, 400 if parsed.document is None else 422)
        self.documents.register(request)
        if read_only and self.cache.operation_type(request) not in {None, OperationType.QUERY}:
            raise MethodNotAllowed("GET allows queries only; send mutations with POST.")
        return self._execute_prepared(parsed.document, request, context)

    def _validate(self, request: GraphQLRequest, context: GraphQLContext) -> ParsedDocument:
        """Return the validated document. Raises RateLimited, QueryTooComplex.

        If an anonymous client may execute nothing in it, raises the authentication error without validating it.
        """
        parsed = self.cache.parse(request.query)
        if parsed.document is None:
            return parsed
        if parsed.validation_cost:
            context.reserve_cost(parsed.validation_cost)
        error = context.authentication_error
        if error is not None and not self._public_fields.are_selected(parsed.document, request.operation_name):
            raise error
        return self.cache.validate(request.query, parsed)

    def _execute_prepared(self, document: DocumentNode, request: GraphQLRequest, context: GraphQLContext) -> OperationResult:
        operation = self.cache.prepare(request)
        check_complexity(operation.complexity, self._max_cost)
        attempts = sum(name in AUTH_MUTATIONS for name in operation.root_fields)
        context.reserve_quota(max(1, len(operation.root_fields)), operation.complexity.cost, attempts)
        result = self._replay(operation, request, context)
        if result is None:
            result = self._execute_with_graphql_core(document, request, operation, context)
        if request.include_cost:
            result.body["extensions"] = {"cost": {"requested": operation.complexity.cost, "limit": self._max_cost}}
        return result

    def _replay(self, operation: CompiledOperation, request: GraphQLRequest, context: GraphQLContext) -> OperationResult | None:
        """Return the cached result of an introspection, or that of a compiled query from its readers.

        Returns None if graphql-core must execute the operation.

        If a reader fails, graphql-core executes the query and determines null fields and errors. The compiled operation stays in
        the cache: it depends on document and variables only, so the failure concerns this caller's data or token.
        """
        if (introspection := self._introspection.find(operation)) is not None:
            return OperationResult({"data": introspection}, executed=True)
        if operation.root_readers is None:
            return None
        try:
            transaction, variables = context.read_transaction, request.variables or {}
        except TodoError:
            return None
        try:
            data = {field.key: field.read(transaction, variables) for field in operation.root_readers}
        except StaleTransaction:
            context.restart_reads()
            return None
        except TodoError:
            transaction.budget.reset()
            return None
        return OperationResult({"data": data}, executed=True)

    def _execute_with_graphql_core(
        self, document: DocumentNode, request: GraphQLRequest, operation: CompiledOperation, context: GraphQLContext
    ) -> OperationResult:
        context.bind_variables = operation.bind_variables
        result = self._run_graphql_core(document, request, context)
        if any(isinstance(error.original_error, StaleTransaction) for error in result.errors or ()):
            context.restart_reads()
            result = self._run_graphql_core(document, request, context)
        readers = tuple(context.root_readers)
        if result.data and not result.errors and list(result.data) == [field.key for field in readers]:
            self.cache.store(replace(operation, root_readers=readers))
        if not result.errors:
            self._introspection.store(operation, result.data)
        return execution_result(result, is_single=len(operation.root_fields) == 1)

    def _run_graphql_core(self, document: DocumentNode, request: GraphQLRequest, context: GraphQLContext) -> ExecutionResult:
        return execute_sync(
            self._core,
            document,
            context_value=context,
            variable_values=dict(request.variables or {}),
            operation_name=request.operation_name,
            executor_class=LookaheadExecutionContext,
            hide_suggestions=self._hide_schema,
        )
