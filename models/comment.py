"""Comments on tasks."""

from pydantic import Field as ShapeField
from sqlalchemy import Index, text
from sqlmodel import Field

from models.base import Versioned, id_type, owned_reference
from models.shapes import ChangeShape, WriteShape, absent
from models.text import CommentBody, Id


class Comment(Versioned, table=True):
    """A remark on a task. It is deleted and restored with its task."""

    __table_args__ = (
        owned_reference("task_id", "task", on_delete="CASCADE"),
        Index("ix_comment_task", "user_id", "task_id", "created_at", "id", postgresql_where=text("deleted_at IS NULL")),
        Index("ix_comment_revision", "user_id", "revision"),
    )

    task_id: str = Field(sa_type=id_type())
    body: str


class CommentCreate(WriteShape):
    """A new comment."""

    id: Id | None = ShapeField(default=None, description="Your own UUID, for offline clients; made here if absent.")
    body: CommentBody


class CommentUpdate(ChangeShape):
    """Changes to a comment: only the members present."""

    body: CommentBody = absent()
    ignored = ChangeShape.ignored | {"task_id"}
