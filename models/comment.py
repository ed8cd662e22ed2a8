"""Comments on tasks."""

from pydantic import Field as ShapeField
from sqlalchemy import Index, text

from models.base import EXAMPLE_ID, Versioned, id_type, owner_scoped_foreign_key
from models.columns import api_column
from models.field_types import CommentBody, Id
from models.input_schemas import InputSchema, UpdateSchema, optional_not_null


class Comment(Versioned, table=True):
    """A remark on a task. It is deleted and restored with its task."""

    __table_args__ = (
        owner_scoped_foreign_key("task_id", "task", on_delete="CASCADE"),
        Index("ix_comment_task", "user_id", "task_id", "created_at", "id", postgresql_where=text("deleted_at IS NULL")),
        Index("ix_comment_revision", "user_id", "revision"),
    )

    task_id: str = api_column("Id of the task.", example=EXAMPLE_ID, sa_type=id_type())
    body: str = api_column("Text of the comment, 1 to 5000 characters.", example="The oat one.")


class CommentCreate(InputSchema):
    """A new comment."""

    id: Id | None = ShapeField(default=None, description="Your own UUID, for offline clients; made here if absent.")
    body: CommentBody


class CommentUpdate(UpdateSchema):
    """Changes to a comment: only the members present."""

    body: CommentBody = optional_not_null()
    ignored_fields = UpdateSchema.ignored_fields | {"task_id"}
