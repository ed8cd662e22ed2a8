"""Tasks."""

import string
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self, cast

from pydantic import AfterValidator, StrictBool, model_validator
from pydantic import Field as ShapeField
from sqlalchemy import CheckConstraint, Column, Computed, Index, Table, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field

from models.base import Positioned, id_type, owned_reference
from models.shapes import ChangeShape, WriteShape, absent
from models.text import BlankIsNone, Description, Id, Position, Title


class Status(StrEnum):
    """How far a task is."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Priority(StrEnum):
    """How pressing a task is, least first."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=f"ck_task_{column}")


_LIVING = text("deleted_at IS NULL")


class Task(Positioned, table=True):
    """Something to do. `completed` is derived: it means that the status is completed."""

    __table_args__ = (
        owned_reference("list_id", "task_list", on_delete="SET NULL (list_id)"),
        owned_reference("parent_id", "task", on_delete="CASCADE"),
        _one_of("status", Status),
        _one_of("priority", Priority),
        CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name="ck_task_completed_at"),
        Index("ix_task_created", "user_id", "created_at", "id", postgresql_where=_LIVING),
        Index("ix_task_list", "user_id", "list_id", "created_at", "id", postgresql_where=_LIVING),
        Index("ix_task_parent", "user_id", "parent_id", "created_at", "id"),
        Index("ix_task_position", "user_id", "position", "id"),
        Index("ix_task_revision", "user_id", "revision"),
    )

    list_id: str | None = Field(default=None, sa_type=id_type())
    parent_id: str | None = Field(default=None, sa_type=id_type())
    title: str = Field(max_length=200)
    description: str | None = Field(default=None, max_length=2000)
    status: str = Field(default=Status.PENDING, max_length=20)
    priority: str = Field(default=Priority.NONE, max_length=20)
    completed_at: datetime | None = None


def _words(column: str, weight: str) -> str:
    """Return the words of a column. Punctuation parts them: the parser would take an e-mail address or a path for one word."""
    apart = f"translate({column}, {_quoted(string.punctuation)}, repeat(' ', {len(string.punctuation)}))"
    return f"setweight(to_tsvector('simple', {apart}), '{weight}')"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# Weighed, so that a word in the title counts for more. `simple` stems nothing: people write in all languages.
_SEARCHED = _words("title", "A") + " || " + _words("coalesce(description, '')", "B")
# PostgreSQL alone writes this column and the read engine alone looks at it, so the class does not know it.
cast(Table, Task.__table__).append_column(  # type: ignore[attr-defined]
    Column("search_vector", TSVECTOR, Computed(_SEARCHED, persisted=True), nullable=False)
)


def _unique(ids: list[str]) -> list[str]:
    return list(dict.fromkeys(ids))


TagIds = Annotated[list[Id], ShapeField(max_length=100), AfterValidator(_unique)]


class _TaskWrite(WriteShape):
    """What creating and changing a task have in common."""

    description: Annotated[Description | None, BlankIsNone] = None
    priority: Priority | None = None
    list_id: Id | None = None
    parent_id: Id | None = None
    tag_ids: TagIds | None = None

    @model_validator(mode="after")
    def _status_and_completed_agree(self) -> Self:
        """Both write the same thing."""
        sent = self.present()
        status, completed = sent.get("status"), sent.get("completed")
        if None not in {status, completed} and completed != (status == Status.COMPLETED):
            msg = f"completed is {str(completed).lower()}, but status is {status}: send one of them, or make them agree."
            raise ValueError(msg)
        return self


class TaskCreate(_TaskWrite):
    """A new task; null is the same as absent."""

    id: Id | None = ShapeField(default=None, description="Your own UUID, for offline clients; made here if absent.")
    title: Title
    status: Status | None = None
    completed: StrictBool | None = None
    position: Position | None = None


class TaskUpdate(_TaskWrite, ChangeShape):
    """Changes to a task: only the members present; null clears."""

    title: Title = absent()
    status: Status = absent()
    completed: StrictBool = absent()
    position: Position = absent()


class Completion(WriteShape):
    """What `complete` sets; without it, the task is toggled."""

    completed: StrictBool
