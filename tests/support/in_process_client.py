"""GraphQL client without HTTP: runs operations of one user against a database, and counts statements."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from graphql_schema.context import GraphQLContext
from graphql_schema.documents.request import GraphQLRequest
from graphql_schema.execution.executor import GraphQLExecutor
from graphql_schema.execution.result import OperationResult
from graphql_schema.schema import build_schema
from models.database import Database, make_engine
from models.sql.statement_counter import attach_statement_counter, count_statements
from services.query_engine.execution.budget import Budget
from services.rate_limiting.client import Client
from services.user_context import UserContext
from tests.support.service import PostgresServer


class InProcessClient:
    """A GraphQL client of one user."""

    def __init__(self, executor: GraphQLExecutor, context: UserContext) -> None:
        self.executor = executor
        self._context = context
        self.statements = 0

    def run(
        self, document: str, variables: Mapping[str, Any] | None = None, name: str | None = None, *, include_cost: bool = False
    ) -> OperationResult:
        """Run an operation, and store its number of statements."""
        unused = cast("Any", None)  # read operations neither register users nor check passwords
        context = GraphQLContext(
            replace(self._context, budget=Budget()),
            Client("127.0.0.1"),
            auth_service=unused,
            password_hasher=unused,
            deletion_worker=unused,
        )
        with count_statements() as counter:
            result = self.executor.execute(GraphQLRequest(document, variables, name, include_cost=include_cost), context)
        self.statements = counter.count
        return result


@contextmanager
def in_process_client(database: PostgresServer, user_id: str) -> Iterator[InProcessClient]:
    """Connect to a database as the service does."""
    engine = make_engine(database.service, pool_size=1)
    attach_statement_counter(engine)
    try:
        # Cost limits are tested elsewhere.
        yield InProcessClient(
            GraphQLExecutor(build_schema(), max_cost=10**12), UserContext(user_id, Database(engine, statement_timeout=5000))
        )
    finally:
        engine.dispose()
