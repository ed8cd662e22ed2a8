"""What lists can be filtered and ordered by."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry import UNSET

from graphql_schema.enums import Priority, Status


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


def _operand(text: str) -> Any:
    return strawberry.field(default=UNSET, description=text)


@strawberry.input(description="Compares a text.")
class TextFilter:
    """Operators on text."""

    contains: str | None = _operand("Occurs in it, ignoring case.")
    eq: str | None = _operand("Is exactly this.")
    ne: str | None = _operand("Is not this.")
    in_: list[str] | None = strawberry.field(name="in", default=UNSET, description="Is one of these.")


@strawberry.input(description="Compares a status.")
class TaskStatusFilter:
    """Operators on a status."""

    eq: Status | None = _operand("Is this.")
    ne: Status | None = _operand("Is not this.")
    in_: list[Status] | None = strawberry.field(name="in", default=UNSET, description="Is one of these.")


@strawberry.input(description="Compares a priority.")
class TaskPriorityFilter:
    """Operators on a priority."""

    eq: Priority | None = _operand("Is this.")
    ne: Priority | None = _operand("Is not this.")
    in_: list[Priority] | None = strawberry.field(name="in", default=UNSET, description="Is one of these.")


@strawberry.input(description="Compares a yes or no.")
class BooleanFilter:
    """Operators on a boolean."""

    eq: bool | None = _operand("Is this.")


@strawberry.input(description="Compares the id of something else.")
class ReferenceFilter:
    """Operators on a reference."""

    eq: strawberry.ID | None = _operand("Is this.")
    in_: list[strawberry.ID] | None = strawberry.field(name="in", default=UNSET, description="Is one of these.")
    is_null: bool | None = _operand("Refers to nothing (true) or to something (false).")


@strawberry.input(description="Compares an id.")
class IdFilter:
    """Operators on an id."""

    eq: strawberry.ID | None = _operand("Is this.")
    in_: list[strawberry.ID] | None = strawberry.field(name="in", default=UNSET, description="Is one of these.")


@strawberry.input(description="Compares a time.")
class DateTimeFilter:
    """Operators on a time."""

    lt: datetime | None = _operand("Before.")
    lte: datetime | None = _operand("Not after.")
    gt: datetime | None = _operand("After.")
    gte: datetime | None = _operand("Not before.")


@strawberry.input(description="Which tags; members beside each other must all hold.")
class TagFilter:
    """A filter on tags."""

    and_: list["TagFilter"] | None = strawberry.field(name="and", default=UNSET, description="All of these hold.")
    or_: list["TagFilter"] | None = strawberry.field(name="or", default=UNSET, description="At least one of these holds.")
    not_: "TagFilter | None" = strawberry.field(name="not", default=UNSET, description="This does not hold.")
    id: IdFilter | None = _operand("The tag itself.")
    name: TextFilter | None = _operand("The tag's name.")


@strawberry.input(description="How tags stand to a task.")
class TagsFilter:
    """Quantifiers over tags."""

    some: TagFilter | None = _operand("At least one tag is so.")
    none: TagFilter | None = _operand("No tag is so.")
    every: TagFilter | None = _operand("All tags are so; also where there are none.")


@strawberry.input(description="Which tasks; members beside each other must all hold.")
class TaskFilter:
    """A filter on tasks."""

    and_: list["TaskFilter"] | None = strawberry.field(name="and", default=UNSET, description="All of these hold.")
    or_: list["TaskFilter"] | None = strawberry.field(name="or", default=UNSET, description="At least one of these holds.")
    not_: "TaskFilter | None" = strawberry.field(name="not", default=UNSET, description="This does not hold.")
    title: TextFilter | None = _operand("The title.")
    status: TaskStatusFilter | None = _operand("The status.")
    priority: TaskPriorityFilter | None = _operand("The priority.")
    completed: BooleanFilter | None = _operand("Whether it is completed.")
    list_id: ReferenceFilter | None = _operand("The list it is in.")
    parent_id: ReferenceFilter | None = _operand("The task it is a subtask of.")
    created_at: DateTimeFilter | None = _operand("When it was created.")
    tags: TagsFilter | None = _operand("Its tags.")
