"""Task table, and the input schemas of tasks."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, StrictBool
from pydantic import Field as InputField
from sqlalchemy import CheckConstraint, ColumnElement, FromClause, Index, Text, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import TSVECTOR

from models.base import EXAMPLE_LIST_ID, EXAMPLE_TAG_ID, Positioned, id_type, owner_scoped_foreign_key
from models.columns import DerivedColumn, api_column, computed_column, table_of
from models.schemas.field_types import BlankToNone, Description, Id, Position, Title
from models.schemas.input_schemas import InputSchema, UpdateSchema, optional_not_null
from models.schemas.move_input import MoveInput
from models.tag import TaskTag
from models.text.folding import key_type, sort_key
from models.text.lexemes import task_lexemes


class Status(StrEnum):
    """Task status."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Priority(StrEnum):
    """Task priority, lowest first."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


def _one_of_check(column: str, values: type[StrEnum]) -> CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=f"ck_task_{column}")


def _is_completed(task: FromClause) -> ColumnElement[Any]:
    return task.c.status == literal_column(f"'{Status.COMPLETED}'", Text)


def _tag_ids(task: FromClause) -> ColumnElement[Any]:
    task_tag = table_of(TaskTag).alias("task_tags")
    tags_of_task = select(task_tag.c.tag_id).where(task_tag.c.user_id == task.c.user_id, task_tag.c.task_id == task.c.id)
    return func.array(tags_of_task.order_by(task_tag.c.tag_id).correlate(task).scalar_subquery())


_ACTIVE = text("deleted_at IS NULL")


class Task(Positioned, table=True):
    """A task. `completed` is derived from the status."""

    __table_args__ = (
        owner_scoped_foreign_key("list_id", "task_list", on_delete="SET NULL (list_id)"),
        owner_scoped_foreign_key("parent_id", "task", on_delete="CASCADE"),
        _one_of_check("status", Status),
        _one_of_check("priority", Priority),
        CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name="ck_task_completed_at"),
        Index("ix_task_created", "user_id", "created_at", "id", postgresql_where=_ACTIVE),
        Index("ix_task_list", "user_id", "list_id", "created_at", "id", postgresql_where=_ACTIVE),
        Index("ix_task_list_reference", "user_id", "list_id"),
        Index("ix_task_parent", "user_id", "parent_id", "created_at", "id"),
        Index("ix_task_position", "user_id", "position", "id"),
        Index("ix_task_revision", "user_id", "revision"),
    )

    title: str = api_column(
        "Title, 1 to 200 characters.", example="Buy milk", sort_key="title", sorted_by="title_sort_key", max_length=200
    )
    description: str | None = api_column("Description, up to 2000 characters.", default=None, max_length=2000)
    status: str = api_column("Task status.", example=Status.PENDING, value_type=Status, default=Status.PENDING, max_length=20)
    completed: ClassVar[DerivedColumn] = DerivedColumn(
        description="Whether the status is completed.", example=False, value_type=bool, expression=_is_completed
    )
    priority: str = api_column(
        "Task priority.",
        example=Priority.HIGH,
        sort_key="priority",
        value_type=Priority,
        is_ordinal=True,
        default=Priority.NONE,
        max_length=20,
    )
    list_id: str | None = api_column(
        "Id of the list that contains the task.", example=EXAMPLE_LIST_ID, default=None, sa_type=id_type()
    )
    parent_id: str | None = api_column("Id of the task of which this is a subtask.", default=None, sa_type=id_type())
    tag_ids: ClassVar[DerivedColumn] = DerivedColumn(
        description="Ids of the task's tags.",
        example=[EXAMPLE_TAG_ID],
        filterable=False,
        value_type=list[UUID],
        expression=_tag_ids,
    )
    position: float = api_column("Sort position among sibling tasks.", example=1.0, sort_key="position")
    completed_at: datetime | None = api_column(
        "Time of completion, if the task is completed.", sort_key="completed", default=None
    )
    title_sort_key: str = computed_column(sort_key, "title", sa_type=key_type())
    search_lexemes: str = computed_column(task_lexemes, "title", "description", sa_type=TSVECTOR)


def _unique(ids: list[str]) -> list[str]:
    return list(dict.fromkeys(ids))


MAX_TAGS = 100
TagIds = Annotated[list[Id], InputField(max_length=MAX_TAGS), AfterValidator(_unique)]


class _TaskWrite(InputSchema):
    """Fields that TaskCreate and TaskUpdate share."""

    relations = frozenset({"list", "parent", "tags", "subtasks", "comments"})

    description: Annotated[Description | None, BlankToNone] = None
    priority: Priority | None = None
    list_id: Id | None = None
    parent_id: Id | None = None
    tag_ids: TagIds | None = None


class TaskCreate(_TaskWrite):
    """Fields of a new task; null means the default."""

    id: Id | None = InputField(
        default=None, description="Client-generated UUID (idempotent create); generated by the server if omitted."
    )
    title: Title
    status: Status | None = None
    completed: StrictBool | None = None
    position: Position | None = None


class TaskUpdate(_TaskWrite, UpdateSchema):
    """Changes to a task; omitted fields keep their values, null clears a field."""

    title: Title = optional_not_null()
    status: Status = optional_not_null()
    completed: StrictBool = optional_not_null()
    position: Position = optional_not_null()


class TaskCompletion(InputSchema):
    """Body of `complete`. Without a body, the task is toggled."""

    completed: StrictBool


def _reject_repeated(ids: list[str]) -> list[str]:
    if len(set(ids)) < len(ids):
        msg = "Each id may occur only once."
        raise ValueError(msg)
    return ids


MAX_MOVED_TASKS = 500
DistinctIds = Annotated[list[Id], InputField(max_length=MAX_MOVED_TASKS), AfterValidator(_reject_repeated)]


class TaskMove(MoveInput):
    """Place of a task among its siblings: exactly one of `before`, `after` and `to`.

    Siblings share list and parent. With `list_id` or `parent_id`, the task moves to another list or parent; null means none.
    """

    list_id: Id | None = InputField(default=None, description="Id of another list; null for no list. Of a subtask, omit it.")
    parent_id: Id | None = InputField(
        default=None, description="Id of another parent, whose list the task takes; null to move it out of its parent."
    )


class TasksMove(TaskMove):
    """Tasks to move, and the place where they follow one another."""

    ids: DistinctIds = InputField(description="Ids of the tasks, in the order that they will have; at most 500.")
