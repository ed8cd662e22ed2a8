"""Lists, which hold tasks."""

from typing import Annotated

from pydantic import Field as ShapeField
from sqlalchemy import Index, text
from sqlmodel import Field

from models.base import Positioned
from models.shapes import ChangeShape, WriteShape, absent
from models.text import BlankIsNone, Color, Id, ListName, Position


class TaskList(Positioned, table=True):
    """A named, ordered place for tasks."""

    __tablename__ = "task_list"
    __table_args__ = (
        Index("ix_task_list_position", "user_id", "position", "id", postgresql_where=text("deleted_at IS NULL")),
        Index("ix_task_list_revision", "user_id", "revision"),
    )

    name: str = Field(max_length=100)
    color: str | None = Field(default=None, max_length=32)


class ListCreate(WriteShape):
    """A new list."""

    id: Id | None = ShapeField(default=None, description="Your own UUID, for offline clients; made here if absent.")
    name: ListName
    color: Annotated[Color | None, BlankIsNone] = None
    position: Position | None = None


class ListUpdate(ChangeShape):
    """Changes to a list: only the members present."""

    name: ListName = absent()
    color: Annotated[Color | None, BlankIsNone] = None
    position: Position = absent()
