"""GraphQL schema: root types, object types, and the execution context that resolves them."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from graphql_schema.lookahead import LookaheadExecutionContext
from graphql_schema.resolvers.mutations import Mutation
from graphql_schema.resolvers.queries import Query
from graphql_schema.types.objects import Comment, Tag, Task, TaskList
from graphql_schema.types.scalars import SCALARS


def build_schema() -> strawberry.Schema:
    """Build the GraphQL schema."""
    return strawberry.Schema(
        Query,
        Mutation,
        types=[Task, TaskList, Tag, Comment],
        execution_context_class=LookaheadExecutionContext,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
