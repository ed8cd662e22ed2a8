"""What goes in. `Maybe` keeps absent apart from null; the rules are the service layer's, the same as for REST."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry import UNSET, Maybe, Some

from models.task import Priority, Status

strawberry.enum(Status, name="TaskStatus", description="How far a task is.")
strawberry.enum(Priority, name="TaskPriority", description="How pressing a task is, least first.")


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


_OWN_ID = "Your own UUID, for offline clients; made by the service if absent. With it, sending again is safe."
_POSITION = "Orders siblings; new ones go last. To move one, give it a number between its neighbours."


def _member(text: str) -> Any:
    return strawberry.field(default=None, description=text)


@strawberry.input(description="A new task.")
class CreateTaskInput:
    """A new task."""

    title: str = strawberry.field(description="1 to 200 characters.")
    id: Maybe[strawberry.ID | None] = _member(_OWN_ID)
    description: Maybe[str | None] = _member("Up to 2000 characters.")
    status: Maybe[Status | None] = _member("PENDING if absent.")
    priority: Maybe[Priority | None] = _member("NONE if absent.")
    list_id: Maybe[strawberry.ID | None] = _member("The list to put it in.")
    parent_id: Maybe[strawberry.ID | None] = _member("The task to make it a subtask of.")
    tag_ids: Maybe[list[strawberry.ID] | None] = _member("The tags it bears, up to 100.")
    position: Maybe[float | None] = _member(_POSITION)


@strawberry.input(description="Changes to a task: what is absent stays, null clears.")
class UpdateTaskInput:
    """Changes to a task."""

    title: Maybe[str | None] = _member("1 to 200 characters.")
    description: Maybe[str | None] = _member("Up to 2000 characters.")
    status: Maybe[Status | None] = _member("How far it is.")
    priority: Maybe[Priority | None] = _member("How pressing it is.")
    list_id: Maybe[strawberry.ID | None] = _member("The list to put it in.")
    parent_id: Maybe[strawberry.ID | None] = _member("The task to make it a subtask of.")
    tag_ids: Maybe[list[strawberry.ID] | None] = _member("The tags it bears, instead of those it had.")
    position: Maybe[float | None] = _member(_POSITION)


_COLOR = "#rgb, #rrggbb or a name."


@strawberry.input(description="A new list.")
class CreateListInput:
    """A new list."""

    name: str = strawberry.field(description="1 to 100 characters.")
    id: Maybe[strawberry.ID | None] = _member(_OWN_ID)
    color: Maybe[str | None] = _member(_COLOR)
    position: Maybe[float | None] = _member(_POSITION)


@strawberry.input(description="Changes to a list: what is absent stays, null clears.")
class UpdateListInput:
    """Changes to a list."""

    name: Maybe[str | None] = _member("1 to 100 characters.")
    color: Maybe[str | None] = _member(_COLOR)
    position: Maybe[float | None] = _member(_POSITION)


@strawberry.input(description="A new tag.")
class CreateTagInput:
    """A new tag."""

    name: str = strawberry.field(description="1 to 50 characters, unique among your tags, ignoring case.")
    id: Maybe[strawberry.ID | None] = _member(_OWN_ID)
    color: Maybe[str | None] = _member(_COLOR)


@strawberry.input(description="Changes to a tag: what is absent stays, null clears.")
class UpdateTagInput:
    """Changes to a tag."""

    name: Maybe[str | None] = _member("1 to 50 characters, unique among your tags, ignoring case.")
    color: Maybe[str | None] = _member(_COLOR)


@strawberry.input(description="A new comment on a task.")
class AddCommentInput:
    """A new comment."""

    task_id: strawberry.ID = strawberry.field(description="What it is on.")
    body: str = strawberry.field(description="1 to 5000 characters.")
    id: Maybe[strawberry.ID | None] = _member(_OWN_ID)


@strawberry.input(description="Changes to a comment.")
class UpdateCommentInput:
    """Changes to a comment."""

    body: Maybe[str | None] = _member("1 to 5000 characters.")


@strawberry.input(description="A new account.")
class RegisterInput:
    """A new account."""

    email: str = strawberry.field(description="What you log in with.")
    password: str = strawberry.field(description="8 to 256 characters.")
    name: Maybe[str | None] = _member("What to call you.")


@strawberry.input(description="What you log in with.")
class LogInInput:
    """Credentials."""

    email: str = strawberry.field(description="As registered, in any case.")
    password: str = strawberry.field(description="As registered.")


@strawberry.input(description="Changes to your account: what is absent stays, null clears.")
class UpdateAccountInput:
    """Changes to one's own account."""

    email: Maybe[str | None] = _member("A new e-mail; needs the current password.")
    name: Maybe[str | None] = _member("What to call you.")
    password: Maybe[str | None] = _member("A new password; needs the current one.")
    current_password: Maybe[str | None] = _member("The password until now.")


def members(given: Any) -> dict[str, Any]:
    """Return the members of an input that were sent, by name; null where null was sent."""
    sent = {name: value for name, value in vars(given).items() if value is not None}
    return {name: value.value if isinstance(value, Some) else value for name, value in sent.items()}
