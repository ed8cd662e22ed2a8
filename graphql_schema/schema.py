"""GraphQL schema: root types, object types, and the execution context that resolves them."""

from typing import Any

import strawberry
from graphql import GraphQLObjectType
from strawberry.schema.config import StrawberryConfig

from graphql_schema.lookahead import LookaheadExecutionContext
from graphql_schema.resolvers.mutations import Mutation
from graphql_schema.resolvers.queries import Query
from graphql_schema.types.objects import Comment, Tag, Task, TaskList
from graphql_schema.types.scalars import SCALARS


def build_schema() -> strawberry.Schema:
    """Build the GraphQL schema."""
    return _Schema(
        Query,
        Mutation,
        types=[Task, TaskList, Tag, Comment],
        execution_context_class=LookaheadExecutionContext,
        config=StrawberryConfig(scalar_map=SCALARS),
    )


class _Schema(strawberry.Schema):
    """Schema whose `isOneOf` can be selected on every introspected type. Strawberry's fails on lists and non-null types."""

    def _extend_introspection(self) -> None:
        super()._extend_introspection()
        introspected_type = self._schema.type_map["__Type"]
        assert isinstance(introspected_type, GraphQLObjectType)  # noqa: S101
        introspected_type.fields["isOneOf"].resolve = _is_one_of


def _is_one_of(graphql_type: Any, _: object) -> bool:
    definition = getattr(graphql_type, "extensions", {}).get("strawberry-definition")
    return getattr(definition, "is_one_of", False)
