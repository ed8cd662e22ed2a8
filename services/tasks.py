"""Tasks."""

from collections.abc import Sequence

from sqlmodel import col

from models.comment import Comment
from models.input_schemas import InputSchema
from models.tag import Tag
from models.task import Priority, Status, Task, TaskCreate, TaskUpdate
from models.task_list import TaskList
from services.errors import FieldError, InvalidInput, NotFound
from services.query_engine.entity_registry import TASK
from services.query_engine.query_model import RowSelection
from services.resource_service import ExpectedRevisions, ResourceService, Result, check_bulk_size
from services.tags import replace_tags, tag_ids_of_task
from services.task_hierarchy import ancestor_ids, subtree_ids
from services.unit_of_work import ColumnValues, WriteTransaction


class TaskService(ResourceService[Task, TaskCreate, TaskUpdate]):
    """A user's tasks."""

    entity = TASK
    table = Task

    def create_many(self, new: Sequence[TaskCreate], selection: RowSelection[Result]) -> Result:
        """Create several tasks, all or none. Raises InvalidInput if there are too many."""
        check_bulk_size(new, "/inputs")
        with self.context.write_transaction() as transaction:
            rows = [self._create(transaction, one)[0] for one in new]
            return transaction.read(selection.for_ids(TASK.name, *(row.id for row in rows)))

    def update_many(self, ids: Sequence[str], change: TaskUpdate, selection: RowSelection[Result]) -> Result:
        """Change several tasks in the same way, all or none. Raises NotFound."""
        with self.context.write_transaction() as transaction:
            for row in self._get_all_or_raise(transaction, ids):
                self._update(transaction, row, change)
            return transaction.read(selection.for_ids(TASK.name, *ids))

    def complete(
        self,
        task_id: str,
        selection: RowSelection[Result | None],
        revisions: ExpectedRevisions = None,
        *,
        completed: bool | None = None,
    ) -> Result:
        """Set whether the task is completed; None toggles. Raises NotFound, PreconditionFailed."""
        with self.context.write_transaction() as transaction:
            task = self._get_or_raise(transaction, task_id)
            self._check_precondition(transaction, task, revisions, selection)
            wanted = task.status != Status.COMPLETED if completed is None else completed
            self._update(transaction, task, TaskUpdate(completed=wanted))
            return self._read(transaction, task_id, selection)

    def delete_many(self, ids: Sequence[str]) -> None:
        """Delete several tasks with all that belongs to them, all or none. Raises NotFound."""
        with self.context.write_transaction() as transaction:
            for task in self._get_all_or_raise(transaction, ids):
                self._soft_delete(transaction, task)

    def restore(self, task_id: str, selection: RowSelection[Result | None]) -> Result:
        """Bring back a deleted task, with what was deleted with it. Raises NotFound."""
        with self.context.write_transaction() as transaction:
            task = self._find_including_deleted(transaction, task_id)
            if task is None:
                raise NotFound.for_resource(TASK.display_name)
            if task.deleted_at is not None:
                self._restore_subtree(transaction, task)
            return self._read(transaction, task_id, selection)

    def _column_values(self, transaction: WriteTransaction, shape: InputSchema, row: Task | None) -> ColumnValues:
        values = super()._column_values(transaction, shape, row)
        completed = values.pop("completed", None)
        values.pop("tag_ids", None)
        if "priority" in values and values["priority"] is None:
            values["priority"] = Priority.NONE
        if completed is not None and "status" not in values:
            values["status"] = _status_from_completed(row, completed=completed)
        if row is not None and "status" in values and values["status"] != row.status:
            values["completed_at"] = transaction.now if values["status"] == Status.COMPLETED else None
        self._check_references(transaction, shape, row)
        return values

    def _default_values(self, transaction: WriteTransaction, values: ColumnValues) -> ColumnValues:
        completed = values.get("status") == Status.COMPLETED
        return {**super()._default_values(transaction, values), "completed_at": transaction.now if completed else None}

    def _write_relations(self, transaction: WriteTransaction, row: Task, shape: InputSchema) -> None:
        if "tag_ids" in shape.model_fields_set:
            replace_tags(transaction, row, shape.sent_fields()["tag_ids"] or ())

    def _matches(self, transaction: WriteTransaction, row: Task, new: TaskCreate, values: ColumnValues) -> bool:
        bears_them = new.tag_ids is None or tag_ids_of_task(transaction, row.id) == set(new.tag_ids)
        return bears_them and super()._matches(transaction, row, new, values)

    def _soft_delete(self, transaction: WriteTransaction, row: Task) -> None:
        """Delete the subtasks and comments with it; the revision they share tells `restore` what belongs together."""
        transaction.session.flush()
        family = subtree_ids(transaction, row.id)
        transaction.update_where(Task, col(Task.id).in_(family), col(Task.deleted_at).is_(None), deleted_at=transaction.now)
        transaction.update_where(
            Comment, col(Comment.task_id).in_(family), col(Comment.deleted_at).is_(None), deleted_at=transaction.now
        )

    def _restore_subtree(self, transaction: WriteTransaction, task: Task) -> None:
        """Bring back what was deleted with the task; a list or parent that is gone by now is let go of."""
        then = task.revision
        if task.parent_id is not None and transaction.find(Task, task.parent_id) is None:
            task.parent_id = None
        transaction.session.flush()
        family = subtree_ids(transaction, task.id)
        tasks = transaction.update_where(
            Task, col(Task.id).in_(family), col(Task.deleted_at).is_not(None), col(Task.revision) == then, deleted_at=None
        )
        transaction.update_where(
            Comment,
            col(Comment.task_id).in_(tasks),
            col(Comment.deleted_at).is_not(None),
            col(Comment.revision) == then,
            deleted_at=None,
        )
        living = transaction.active(TaskList).with_only_columns(col(TaskList.id))
        transaction.update_where(
            Task, col(Task.id).in_(tasks), col(Task.list_id).is_not(None), col(Task.list_id).not_in(living), list_id=None
        )

    def _check_references(self, transaction: WriteTransaction, shape: InputSchema, row: Task | None) -> None:
        """Raise InvalidInput where a list, parent or tag does not exist, or a task would become its own ancestor."""
        sent = shape.sent_fields()
        flaws: list[FieldError] = []
        if sent.get("list_id") and transaction.find(TaskList, sent["list_id"]) is None:
            flaws.append(FieldError("/list_id", "There is no such list."))
        if sent.get("parent_id"):
            flaws += _validate_parent(transaction, sent["parent_id"], sent.get("id") if row is None else row.id)
        if sent.get("tag_ids"):
            known, places = transaction.existing_ids(Tag, sent["tag_ids"]), enumerate(sent["tag_ids"])
            flaws += [FieldError(f"/tag_ids/{place}", "There is no such tag.") for place, tag_id in places if tag_id not in known]
        if flaws:
            raise InvalidInput(flaws)


def _validate_parent(transaction: WriteTransaction, parent_id: str, task_id: str | None) -> list[FieldError]:
    if parent_id == task_id:
        return [FieldError("/parent_id", "A task cannot be its own parent.")]
    if transaction.find(Task, parent_id) is None:
        return [FieldError("/parent_id", "There is no such task.")]
    if task_id is not None and task_id in ancestor_ids(transaction, parent_id):
        return [FieldError("/parent_id", "The parent is a subtask of this task.")]
    return []


def _status_from_completed(row: Task | None, *, completed: bool) -> Status | str:
    """Return the status that `completed` means for a task that is at another now."""
    if completed:
        return Status.COMPLETED
    return Status.PENDING if row is None or row.status == Status.COMPLETED else row.status
