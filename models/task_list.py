"""Lists, which hold tasks."""

from typing import Annotated

from pydantic import Field as ShapeField
from sqlalchemy import Index, text

from models.base import Positioned
from models.columns import api_column
from models.field_types import BlankToNone, Color, Id, ListName, Position
from models.input_schemas import InputSchema, UpdateSchema, optional_not_null


class TaskList(Positioned, table=True):
    """A named, ordered place for tasks."""

    __tablename__ = "task_list"
    __table_args__ = (
        Index("ix_task_list_position", "user_id", "position", "id", postgresql_where=text("deleted_at IS NULL")),
        Index("ix_task_list_revision", "user_id", "revision"),
    )

    name: str = api_column("Name, 1 to 100 characters.", example="Groceries", sort_key="name", max_length=100)
    color: str | None = api_column("Color: `#rgb`, `#rrggbb` or a name.", default=None, max_length=32)
    position: float = api_column("Sort position among the lists.", example=1.0, sort_key="position")


class ListCreate(InputSchema):
    """A new list."""

    id: Id | None = ShapeField(default=None, description="Your own UUID, for offline clients; made here if absent.")
    name: ListName
    color: Annotated[Color | None, BlankToNone] = None
    position: Position | None = None


class ListUpdate(UpdateSchema):
    """Changes to a list: only the members present."""

    name: ListName = optional_not_null()
    color: Annotated[Color | None, BlankToNone] = None
    position: Position = optional_not_null()
