"""Sort orders, generated from the entity registry."""

from enum import Enum, EnumMeta

import strawberry

from services.query_engine.entity_registry import TASK
from services.query_engine.entity_types import Entity


def order_field_enum(entity: Entity, name: str, description: str) -> type[Enum]:
    """Return the GraphQL enum of the entity's sort keys."""
    members = [(sort_key.upper(), sort_key) for sort_key in entity.sort_keys]
    return strawberry.enum(EnumMeta.__call__(Enum, name, members, module=__name__), description=description)


TaskOrderField = order_field_enum(TASK, "TaskOrderField", "Fields that tasks can be sorted by.")


@strawberry.enum(description="Sort direction.")
class OrderDirection(Enum):
    """Ascending or descending."""

    ASC = "asc"
    DESC = "desc"


@strawberry.input(description="One sort criterion. Nulls come last in both directions.")
class TaskOrder:
    """One sort criterion."""

    field: Enum = strawberry.field(graphql_type=TaskOrderField, description="Field to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Sort direction.")
