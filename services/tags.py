"""Tag service, and the tags of tasks."""

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from models.tag import UNIQUE_TAG_NAME, Tag, TagCreate, TagUpdate, TaskTag
from models.task import Task
from services.errors import Conflict
from services.query_engine.entity_registry import TAG
from services.resource_service import ResourceService
from services.unit_of_work import WriteTransaction


class TagService(ResourceService[Tag, TagCreate, TagUpdate]):
    """Tags of the authenticated user."""

    entity = TAG
    table = Tag

    def _flush(self, transaction: WriteTransaction) -> None:
        try:
            super()._flush(transaction)
        except IntegrityError as error:
            if UNIQUE_TAG_NAME in str(error.orig):
                raise Conflict("A tag with this name already exists.") from error
            raise

    def _soft_delete(self, transaction: WriteTransaction, row: Tag) -> None:
        """Delete the tag, and remove it from its tasks, whose revision is bumped."""
        super()._soft_delete(transaction, row)
        tagged_task_ids = transaction.owned(TaskTag).where(col(TaskTag.tag_id) == row.id).with_only_columns(col(TaskTag.task_id))
        transaction.update_where(Task, col(Task.id).in_(tagged_task_ids), col(Task.deleted_at).is_(None))
        transaction.delete_where(TaskTag, col(TaskTag.tag_id) == row.id)


def tag_ids_of_task(transaction: WriteTransaction, task_id: str) -> set[str]:
    """Return the ids of the task's tags."""
    pairs = transaction.owned(TaskTag).where(col(TaskTag.task_id) == task_id)
    return set(transaction.session.scalars(pairs.with_only_columns(col(TaskTag.tag_id))))


def replace_tags(transaction: WriteTransaction, task: Task, tag_ids: Sequence[str]) -> None:
    """Set the tags of the task to exactly these, which must exist."""
    current, requested = tag_ids_of_task(transaction, task.id), set(tag_ids)
    if current == requested:
        return
    if removed := current - requested:
        transaction.delete_where(TaskTag, col(TaskTag.task_id) == task.id, col(TaskTag.tag_id).in_(removed))
    if added := requested - current:
        transaction.bulk_insert(TaskTag, [{"task_id": task.id, "tag_id": tag_id} for tag_id in added])
    transaction.bump_revision(task)
    transaction.session.flush()
