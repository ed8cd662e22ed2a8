"""Tags, and which tasks bear them."""

from typing import Annotated

from pydantic import Field as ShapeField
from sqlalchemy import Index, text
from sqlmodel import Field

from models.base import Owned, Versioned, id_type, owner_scoped_foreign_key
from models.columns import api_column
from models.field_types import BlankToNone, Color, Id, TagName
from models.input_schemas import InputSchema, UpdateSchema, optional_not_null

UNIQUE_TAG_NAME = "uq_tag_name"


class Tag(Versioned, table=True):
    """A label. Its name is unique among the owner's living tags, ignoring case."""

    __table_args__ = (
        Index(
            UNIQUE_TAG_NAME,
            "user_id",
            text("lower(name)"),
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_tag_revision", "user_id", "revision"),
    )

    name: str = api_column(
        "Name, 1 to 50 characters; unique among the owner's tags, ignoring case.", example="home", sort_key="name", max_length=50
    )
    color: str | None = api_column("Color: `#rgb`, `#rrggbb` or a name.", example="#2e7d32", default=None, max_length=32)


class TaskTag(Owned, table=True):
    """One task bears one tag."""

    __tablename__ = "task_tag"
    __table_args__ = (
        owner_scoped_foreign_key("task_id", "task", on_delete="CASCADE"),
        owner_scoped_foreign_key("tag_id", "tag", on_delete="CASCADE"),
        Index("ix_task_tag_tag", "user_id", "tag_id", "task_id"),
    )

    task_id: str = Field(primary_key=True, sa_type=id_type())
    tag_id: str = Field(primary_key=True, sa_type=id_type())


class TagCreate(InputSchema):
    """A new tag."""

    id: Id | None = ShapeField(default=None, description="Your own UUID, for offline clients; made here if absent.")
    name: TagName
    color: Annotated[Color | None, BlankToNone] = None


class TagUpdate(UpdateSchema):
    """Changes to a tag: only the members present."""

    name: TagName = optional_not_null()
    color: Annotated[Color | None, BlankToNone] = None
