"""Tag service, and the tags of tasks."""

from collections.abc import Sequence

from sqlalchemy import ARRAY, TableValuedAlias, cast, column, func, literal, select, true
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import col

from models.base import id_type
from models.schemas.input_schemas import InputSchema
from models.tag import Tag, TagCreate, TagMerge, TagUpdate, TaskTag
from models.task import MAX_TAGS, Task
from models.text.folding import identity_key
from services.errors import Conflict, InvalidInput, NotFound
from services.preconditions import NO_PRECONDITIONS, Preconditions
from services.query_engine.entity_registry import TAG
from services.query_engine.query_model import RowSelection
from services.resource_service import ResourceService, Result, check_bulk_size
from services.unit_of_work import ColumnValues, WriteTransaction


class TagService(ResourceService[Tag, TagCreate, TagUpdate]):
    """Tags of the authenticated user."""

    entity = TAG
    table = Tag

    def merge(
        self,
        tag_id: str,
        merge: TagMerge,
        selection: RowSelection[Result | None],
        preconditions: Preconditions = NO_PRECONDITIONS,
    ) -> Result:
        """Give the tasks of a tag another tag instead, delete the first tag, and return the other.

        Raises NotFound, PreconditionFailed, and InvalidInput for the other tag.
        """
        with self.context.write_transaction() as transaction:
            source = self._get_or_raise(transaction, tag_id)
            self._check_preconditions(transaction, source, preconditions, selection)
            if merge.into == tag_id:
                raise InvalidInput.at_pointer("/into", "A tag cannot be merged into itself.")
            if transaction.find(Tag, merge.into) is None:
                raise InvalidInput.at_pointer("/into", "Tag not found.")
            self._soft_delete(transaction, source, replacement_id=merge.into)
            self._flush(transaction)
            return self._read(transaction, merge.into, selection)

    def _column_values(self, transaction: WriteTransaction, data: InputSchema, row: Tag | None) -> ColumnValues:
        values = super()._column_values(transaction, data, row)
        if "name" in values:
            _check_name_is_unique(transaction, values["name"], getattr(data, "id", None) if row is None else row.id)
        return values

    def _soft_delete(self, transaction: WriteTransaction, row: Tag, replacement_id: str | None = None) -> None:
        """Delete the tag, and remove it from its tasks or replace it, which bumps their revision."""
        super()._soft_delete(transaction, row)
        tagged_task_ids = transaction.owned(TaskTag).where(col(TaskTag.tag_id) == row.id).with_only_columns(col(TaskTag.task_id))
        transaction.update_where(Task, col(Task.id).in_(tagged_task_ids), col(Task.deleted_at).is_(None))
        if replacement_id is not None:
            _replace_tag(transaction, row.id, replacement_id)
        transaction.delete_where(TaskTag, col(TaskTag.tag_id) == row.id)


def _replace_tag(transaction: WriteTransaction, tag_id: str, replacement_id: str) -> None:
    """Add the replacement to all tasks with the tag that do not have it; to deleted tasks too, which may be restored."""
    tagged = transaction.owned(TaskTag).with_only_columns(col(TaskTag.task_id))
    others = tagged.where(col(TaskTag.tag_id) == replacement_id)
    task_ids = tagged.where(col(TaskTag.tag_id) == tag_id, col(TaskTag.task_id).not_in(others))
    rows = [{"task_id": task_id, "tag_id": replacement_id} for task_id in transaction.session.scalars(task_ids)]
    if rows:
        transaction.bulk_insert(TaskTag, rows)


def _check_name_is_unique(transaction: WriteTransaction, name: str, own_id: str | None) -> None:
    """Raise Conflict, with the id of the other tag, if another active tag has this name."""
    same_name = transaction.active(Tag).where(col(Tag.name_key) == identity_key(name)).with_only_columns(col(Tag.id))
    existing_id = next((tag_id for tag_id in transaction.session.scalars(same_name) if tag_id != own_id), None)
    if existing_id is not None:
        raise Conflict.at_pointer("/name", f"The tag {existing_id} already has this name.", existing_id=existing_id)


def change_tags(transaction: WriteTransaction, task: Task, *, add: Sequence[str], remove: Sequence[str]) -> None:
    """Add and remove tags of the task. Raises NotFound for tags that do not exist, InvalidInput if there would be too many."""
    check_bulk_size([*add, *remove], "/tag_ids")
    existing = transaction.existing_ids(Tag, [*add, *remove])
    missing = {f"/tag_ids/{index}": tag_id for index, tag_id in enumerate([*add, *remove]) if tag_id not in existing}
    if missing:
        raise NotFound.for_ids("tag", missing)
    current = tag_ids_of_task(transaction, task.id)
    tag_ids = (current | set(add)) - set(remove)
    if len(tag_ids) > max(MAX_TAGS, len(current)):
        raise InvalidInput.at_pointer("/tag_ids", f"A task has at most {MAX_TAGS} tags.")
    replace_tags(transaction, task, sorted(tag_ids))


def tag_ids_of_task(transaction: WriteTransaction, task_id: str) -> set[str]:
    """Return the ids of the task's tags."""
    pairs = transaction.owned(TaskTag).where(col(TaskTag.task_id) == task_id)
    return set(transaction.session.scalars(pairs.with_only_columns(col(TaskTag.tag_id))))


def replace_tags(transaction: WriteTransaction, task: Task, tag_ids: Sequence[str]) -> None:
    """Set the tags of the task to exactly these, which must exist."""
    if replace_tags_of_tasks(transaction, [task.id], tag_ids):
        transaction.bump_revision(task)
        transaction.session.flush()


def replace_tags_of_tasks(transaction: WriteTransaction, task_ids: Sequence[str], tag_ids: Sequence[str]) -> set[str]:
    """Set the tags of the tasks to exactly these, which must exist; return the ids of the tasks that had others."""
    others = col(TaskTag.task_id).in_(task_ids), col(TaskTag.tag_id).not_in(tag_ids)
    changed = transaction.delete_returning(TaskTag, "task_id", *others)
    if tag_ids:
        tasks, tags = _unnest_ids(task_ids, "tasks"), _unnest_ids(tag_ids, "tags")
        pairs = select(literal(transaction.user_id), tasks.c.id, tags.c.id).join_from(tasks, tags, true())
        added = upsert(TaskTag).from_select(["user_id", "task_id", "tag_id"], pairs).on_conflict_do_nothing()
        changed |= set(transaction.sql.scalars(added.returning(col(TaskTag.task_id))))
    return changed


def _unnest_ids(ids: Sequence[str], name: str) -> TableValuedAlias:
    return func.unnest(cast(list(ids), ARRAY(id_type()))).table_valued(column("id", id_type()), name=name).render_derived()
