"""Task service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import col

from models.comment import Comment
from models.schemas.input_schemas import InputSchema
from models.tag import Tag
from models.task import Priority, Status, Task, TaskCreate, TaskMove, TasksMove, TaskUpdate
from models.task_list import TaskList
from services.errors import FieldError, InvalidInput, NotFound
from services.ordering.task_moves import TaskDestination, move_tasks
from services.preconditions import NO_PRECONDITIONS, Preconditions
from services.query_engine.entity_registry import TASK
from services.query_engine.query_model import RowSelection
from services.resource_service import ResourceService, Result, bulk_item, check_bulk_size
from services.tags import change_tags, replace_tags, replace_tags_of_tasks, tag_ids_of_task
from services.task_hierarchy import ParentCheck, list_of_subtask, move_subtasks, parent_lists_after_move, subtree_ids
from services.unit_of_work import ColumnValues, WriteTransaction


class TaskService(ResourceService[Task, TaskCreate, TaskUpdate]):
    """Tasks of the authenticated user."""

    entity = TASK
    table = Task

    def create_many(self, new: Sequence[TaskCreate], selection: RowSelection[Result]) -> Result:
        """Create several tasks, all or none. Raises InvalidInput and Conflict, with the index of the item."""
        check_bulk_size(new, "/inputs")
        with self.context.write_transaction() as transaction:
            transaction.load_entities_of_ids([task.id for task in new if task.id is not None])
            rows: list[Task] = []
            for index, task in enumerate(new):
                with bulk_item(index):
                    rows.append(self._create(transaction, task)[0])
            return transaction.read(selection.for_ids(TASK.name, *(row.id for row in rows)))

    def update_many(self, ids: Sequence[str], change: TaskUpdate, selection: RowSelection[Result]) -> Result:
        """Update several tasks in the same way, all or none. Raises NotFound and InvalidInput, with index and id of the task."""
        with self.context.write_transaction() as transaction:
            rows = self._get_all_or_raise(transaction, ids)
            references = _References.of_input(transaction, change, rows)
            values: list[ColumnValues] = []
            for row in rows:
                with bulk_item(ids.index(row.id), f"Task {row.id}: "):
                    values.append(self._values_with_references(transaction, change, row, references))
            _update_tasks(transaction, rows, values)
            if "tag_ids" in change.model_fields_set:
                changed = replace_tags_of_tasks(transaction, [row.id for row in rows], change.sent_fields()["tag_ids"] or ())
                if changed:
                    transaction.update_where(Task, col(Task.id).in_(changed))
            return transaction.read(selection.for_ids(TASK.name, *ids))

    def complete(
        self,
        task_id: str,
        selection: RowSelection[Result | None],
        preconditions: Preconditions = NO_PRECONDITIONS,
        *,
        completed: bool | None = None,
    ) -> Result:
        """Set whether the task is completed; None toggles. Raises NotFound, PreconditionFailed."""
        with self.context.write_transaction() as transaction:
            task = self._get_or_raise(transaction, task_id)
            self._check_preconditions(transaction, task, preconditions, selection)
            is_completed = task.status != Status.COMPLETED if completed is None else completed
            self._update(transaction, task, TaskUpdate(completed=is_completed))
            return self._read(transaction, task_id, selection)

    def change_tags(
        self,
        task_id: str,
        selection: RowSelection[Result | None],
        preconditions: Preconditions = NO_PRECONDITIONS,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> Result:
        """Add and remove tags of a task. Raises NotFound, PreconditionFailed, and InvalidInput if there would be too many."""
        with self.context.write_transaction() as transaction:
            task = self._get_or_raise(transaction, task_id)
            self._check_preconditions(transaction, task, preconditions, selection)
            change_tags(transaction, task, add=add, remove=remove)
            return self._read(transaction, task_id, selection)

    def move(
        self,
        task_id: str,
        move: TaskMove,
        selection: RowSelection[Result | None],
        preconditions: Preconditions = NO_PRECONDITIONS,
    ) -> Result:
        """Move the task among its siblings, or to another list or parent. No effect if it is at the place already.

        Raises NotFound, PreconditionFailed, InvalidInput, and Conflict if too many siblings would have to be renumbered.
        """
        with self.context.write_transaction() as transaction:
            task = self._get_or_raise(transaction, task_id)
            self._check_preconditions(transaction, task, preconditions, selection)
            group = TaskDestination.of_move(transaction, move, [task]).group_of(task)
            move_tasks(transaction, [task], group, move)
            return self._read(transaction, task_id, selection)

    def move_many(
        self, move: TasksMove, selection: RowSelection[Result], preconditions: Preconditions = NO_PRECONDITIONS
    ) -> Result:
        """Move several tasks to a place, where they follow one another in the order of the ids; all or none.

        Raises the errors of `move`, with index and id of the task. The preconditions apply to each task.
        """
        with self.context.write_transaction() as transaction:
            tasks = self._get_all_or_raise(transaction, move.ids)
            destination = TaskDestination.of_move(transaction, move, tasks)
            groups = []
            for index, task in enumerate(tasks):
                with bulk_item(index, f"Task {task.id}: "):
                    self._check_preconditions(transaction, task, preconditions)
                    groups.append(destination.group_of(task))
                    if groups[index] != groups[0]:
                        raise InvalidInput.at_pointer(
                            "", "It is in another list or has another parent than the first task; send `list_id` and `parent_id`."
                        )
            if groups:
                move_tasks(transaction, tasks, groups[0], move)
            return transaction.read(selection.for_ids(TASK.name, *move.ids))

    def delete_many(self, ids: Sequence[str]) -> None:
        """Delete several tasks with their subtasks and comments, all or none. Raises NotFound."""
        with self.context.write_transaction() as transaction:
            if tasks := self._get_all_or_raise(transaction, ids):
                _delete_subtrees(transaction, [task.id for task in tasks])

    def restore(
        self, task_id: str, selection: RowSelection[Result | None], preconditions: Preconditions = NO_PRECONDITIONS
    ) -> Result:
        """Restore a deleted task, with the subtasks and comments that were deleted with it.

        Raises NotFound, PreconditionFailed: the preconditions apply to the deleted row.
        """
        with self.context.write_transaction() as transaction:
            task = self._find_including_deleted(transaction, task_id)
            if task is None:
                raise NotFound.for_resource(TASK.display_name)
            self._check_preconditions(transaction, task, preconditions, selection)
            if task.deleted_at is not None:
                self._restore_subtree(transaction, task)
            return self._read(transaction, task_id, selection)

    def _column_values(self, transaction: WriteTransaction, data: InputSchema, row: Task | None) -> ColumnValues:
        references = _References.of_input(transaction, data, [] if row is None else [row])
        return self._values_with_references(transaction, data, row, references)

    def _values_with_references(
        self, transaction: WriteTransaction, data: InputSchema, row: Task | None, references: "_References"
    ) -> ColumnValues:
        """Return the column values that the client sent. Raises InvalidInput if a reference is invalid for this task."""
        values = super()._column_values(transaction, data, row)
        values.pop("tag_ids", None)
        if "priority" in values and values["priority"] is None:
            values["priority"] = Priority.NONE
        if (completed := values.pop("completed", None)) is not None:
            values["status"] = _requested_status(row, values.get("status"), completed=completed)
        if row is not None and "status" in values and values["status"] != row.status:
            values["completed_at"] = transaction.now if values["status"] == Status.COMPLETED else None
        references.check(getattr(data, "id", None) if row is None else row.id, is_new=row is None)
        return values | list_of_subtask(values, row, references.parent, references.parent_lists)

    def _update(self, transaction: WriteTransaction, row: Task, change: InputSchema) -> None:
        list_id = row.list_id
        super()._update(transaction, row, change)
        if row.list_id != list_id:
            move_subtasks(transaction, [row.id], row.list_id)

    def _default_values(self, transaction: WriteTransaction, values: ColumnValues) -> ColumnValues:
        completed = values.get("status") == Status.COMPLETED
        return {**super()._default_values(transaction, values), "completed_at": transaction.now if completed else None}

    def _write_relations(self, transaction: WriteTransaction, row: Task, data: InputSchema) -> None:
        if "tag_ids" in data.model_fields_set:
            replace_tags(transaction, row, data.sent_fields()["tag_ids"] or ())

    def _matches(self, transaction: WriteTransaction, row: Task, new: TaskCreate, values: ColumnValues) -> bool:
        has_same_tags = new.tag_ids is None or tag_ids_of_task(transaction, row.id) == set(new.tag_ids)
        return has_same_tags and super()._matches(transaction, row, new, values)

    def _soft_delete(self, transaction: WriteTransaction, row: Task) -> None:
        """Delete the task, its subtasks and their comments."""
        transaction.session.flush()
        _delete_subtrees(transaction, [row.id])

    def _restore_subtree(self, transaction: WriteTransaction, task: Task) -> None:
        """Restore the rows that were deleted with the task, all in its list: that of its parent, if it has one.

        References to a list or parent deleted since are removed.
        """
        deletion_revision = task.revision
        parent = None if task.parent_id is None else transaction.find(Task, task.parent_id)
        list_id = task.list_id if parent is None else parent.list_id
        if list_id is not None and transaction.find(TaskList, list_id) is None:
            list_id = None
        if parent is None:
            task.parent_id = None
        transaction.session.flush()
        subtree = subtree_ids(transaction, [task.id])
        tasks = transaction.update_where(
            Task,
            col(Task.id).in_(subtree),
            col(Task.deleted_at).is_not(None),
            col(Task.revision) == deletion_revision,
            deleted_at=None,
            list_id=list_id,
        )
        transaction.update_where(
            Comment,
            col(Comment.task_id).in_(tasks),
            col(Comment.deleted_at).is_not(None),
            col(Comment.revision) == deletion_revision,
            deleted_at=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _References:
    """List, parent and tags that an input names, looked up once for all tasks to which it is written."""

    parent_id: str | None
    parent: Task | None
    parent_check: ParentCheck | None
    parent_lists: Mapping[str, str | None]  # of the present parents, after the write
    list_errors: Sequence[FieldError]
    tag_errors: Sequence[FieldError]

    @classmethod
    def of_input(cls, transaction: WriteTransaction, data: InputSchema, rows: Sequence[Task]) -> "_References":
        """Look up what the input names. `rows` are the tasks to which it is written; there are none on create."""
        sent = data.sent_fields()
        parent_id, tag_ids = sent.get("parent_id"), sent.get("tag_ids") or ()
        parent = transaction.find(Task, parent_id) if parent_id else None
        has_list = not sent.get("list_id") or transaction.find(TaskList, sent["list_id"]) is not None
        existing_tags = transaction.existing_ids(Tag, tag_ids) if tag_ids else set()
        return cls(
            parent_id=parent_id,
            parent=parent,
            parent_check=None if parent is None else ParentCheck.of_tasks(transaction, parent, rows),
            parent_lists=parent_lists_after_move(transaction, rows, sent["list_id"]) if "list_id" in sent else {},
            list_errors=[] if has_list else [FieldError("/list_id", "List not found.")],
            tag_errors=[
                FieldError(f"/tag_ids/{index}", "Tag not found.")
                for index, tag_id in enumerate(tag_ids)
                if tag_id not in existing_tags
            ],
        )

    def check(self, task_id: str | None, *, is_new: bool) -> None:
        """Raise InvalidInput if a list, parent or tag does not exist, or this task must not have this parent."""
        errors = [*self.list_errors, *self._parent_errors(task_id, is_new=is_new), *self.tag_errors]
        if errors:
            raise InvalidInput(errors)

    def _parent_errors(self, task_id: str | None, *, is_new: bool) -> list[FieldError]:
        if not self.parent_id:
            return []
        if self.parent_check is None:
            is_own = self.parent_id == task_id
            return [FieldError("/parent_id", "A task cannot be its own parent." if is_own else "Task not found.")]
        return self.parent_check.errors(self.parent_id, task_id, is_new=is_new)


def _update_tasks(transaction: WriteTransaction, rows: Sequence[Task], values: Sequence[ColumnValues]) -> None:
    """Set the values of several tasks; the subtasks of those that change their list follow to it."""
    lists = {row.id: row.list_id for row in rows}
    transaction.update_all(Task, zip(rows, values, strict=True))
    moved = [row for row in rows if row.list_id != lists[row.id]]
    if moved:  # an input names one list, or one parent
        move_subtasks(transaction, [row.id for row in moved], moved[0].list_id)


def _delete_subtrees(transaction: WriteTransaction, task_ids: Sequence[str]) -> None:
    """Delete the tasks, their subtasks and all comments; `restore` recognizes them by the revision that they share."""
    subtree = subtree_ids(transaction, task_ids)
    transaction.update_where(Task, col(Task.id).in_(subtree), col(Task.deleted_at).is_(None), deleted_at=transaction.now)
    transaction.update_where(
        Comment, col(Comment.task_id).in_(subtree), col(Comment.deleted_at).is_(None), deleted_at=transaction.now
    )


def _requested_status(row: Task | None, status: str | None, *, completed: bool) -> str:
    """Return the status that `status` and `completed` request. If they disagree, the one that differs from the row counts.

    So a client may send back a task in which it has changed only one of them. Raises InvalidInput if both differ.
    """
    if status is None or (row is not None and status == row.status):
        return _status_from_completed(row, completed=completed)
    is_contradictory = completed != (status == Status.COMPLETED)
    if is_contradictory and (row is None or completed != (row.status == Status.COMPLETED)):
        raise InvalidInput.at_pointer(
            "/completed",
            f"`completed` is {str(completed).lower()}, but `status` is {status}; send only one of them, or matching values.",
        )
    return status


def _status_from_completed(row: Task | None, *, completed: bool) -> Status | str:
    """Return the status for `completed`; false keeps a status other than completed."""
    if completed:
        return Status.COMPLETED
    return Status.PENDING if row is None or row.status == Status.COMPLETED else row.status
