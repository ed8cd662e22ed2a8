"""In which order."""

from enum import Enum

import strawberry


@strawberry.enum(description="What tasks can be ordered by.")
class TaskOrderField(Enum):
    """Sorts of the read engine."""

    CREATED = "created"
    UPDATED = "updated"
    TITLE = "title"
    PRIORITY = "priority"
    POSITION = "position"
    COMPLETED = "completed"


@strawberry.enum(description="Which way.")
class OrderDirection(Enum):
    """Ascending or descending."""

    ASC = "asc"
    DESC = "desc"


@strawberry.input(description="One term of an order; what has no value comes last.")
class TaskOrder:
    """One term of an order."""

    field: TaskOrderField = strawberry.field(description="What to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which way.")
