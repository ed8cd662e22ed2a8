"""Tasks."""

from collections.abc import Sequence

from sqlmodel import col

from models.comment import Comment
from models.shapes import WriteShape
from models.tag import Tag
from models.task import Priority, Status, Task, TaskCreate, TaskUpdate
from models.task_list import TaskList
from services.errors import Flaw, InvalidInput, NotFound
from services.family import ancestors, subtree
from services.reading.entity_registry import TASK
from services.reading.selection import RowSelection
from services.rows import Result, Revisions, RowService, check_bulk
from services.tags import set_tags, tags_of
from services.transactions import ColumnValues, Transaction


class TaskService(RowService[Task, TaskCreate, TaskUpdate]):
    """A user's tasks."""

    entity = TASK
    table = Task

    def create_many(self, new: Sequence[TaskCreate], selection: RowSelection[Result]) -> Result:
        """Create several tasks, all or none. Raises InvalidInput if there are too many."""
        check_bulk(new, "/inputs")
        with self.context.transaction() as transaction:
            rows = [self._create(transaction, one)[0] for one in new]
            return transaction.read(selection.for_ids(TASK.name, *(row.id for row in rows)))

    def update_many(self, ids: Sequence[str], change: TaskUpdate, selection: RowSelection[Result]) -> Result:
        """Change several tasks in the same way, all or none. Raises NotFound."""
        with self.context.transaction() as transaction:
            for row in self._all_found(transaction, ids):
                self._change(transaction, row, change)
            return transaction.read(selection.for_ids(TASK.name, *ids))

    def complete(
        self,
        task_id: str,
        selection: RowSelection[Result | None],
        revisions: Revisions = None,
        *,
        completed: bool | None = None,
    ) -> Result:
        """Set whether the task is completed; None toggles. Raises NotFound, PreconditionFailed."""
        with self.context.transaction() as transaction:
            task = self._found(transaction, task_id)
            self._demand(transaction, task, revisions, selection)
            wanted = task.status != Status.COMPLETED if completed is None else completed
            self._change(transaction, task, TaskUpdate(completed=wanted))
            return self._read(transaction, task_id, selection)

    def delete_many(self, ids: Sequence[str]) -> None:
        """Delete several tasks with all that belongs to them, all or none. Raises NotFound."""
        with self.context.transaction() as transaction:
            for task in self._all_found(transaction, ids):
                self._bury(transaction, task)

    def restore(self, task_id: str, selection: RowSelection[Result | None]) -> Result:
        """Bring back a deleted task, with what was deleted with it. Raises NotFound."""
        with self.context.transaction() as transaction:
            task = self._existing(transaction, task_id)
            if task is None:
                raise NotFound.of(TASK.display_name)
            if task.deleted_at is not None:
                self._exhume(transaction, task)
            return self._read(transaction, task_id, selection)

    def _values(self, transaction: Transaction, shape: WriteShape, row: Task | None) -> ColumnValues:
        values = super()._values(transaction, shape, row)
        completed = values.pop("completed", None)
        values.pop("tag_ids", None)
        if "priority" in values and values["priority"] is None:
            values["priority"] = Priority.NONE
        if completed is not None and "status" not in values:
            values["status"] = _status(row, completed=completed)
        if row is not None and "status" in values and values["status"] != row.status:
            values["completed_at"] = transaction.now if values["status"] == Status.COMPLETED else None
        self._check_references(transaction, shape, row)
        return values

    def _defaults(self, transaction: Transaction, values: ColumnValues) -> ColumnValues:
        completed = values.get("status") == Status.COMPLETED
        return {**super()._defaults(transaction, values), "completed_at": transaction.now if completed else None}

    def _relate(self, transaction: Transaction, row: Task, shape: WriteShape) -> None:
        if "tag_ids" in shape.model_fields_set:
            set_tags(transaction, row, shape.present()["tag_ids"] or ())

    def _same(self, transaction: Transaction, row: Task, new: TaskCreate, values: ColumnValues) -> bool:
        bears_them = new.tag_ids is None or tags_of(transaction, row.id) == set(new.tag_ids)
        return bears_them and super()._same(transaction, row, new, values)

    def _bury(self, transaction: Transaction, row: Task) -> None:
        """Delete the subtasks and comments with it; the revision they share tells `restore` what belongs together."""
        transaction.session.flush()
        family = subtree(transaction, row.id)
        transaction.change_all(Task, col(Task.id).in_(family), col(Task.deleted_at).is_(None), deleted_at=transaction.now)
        transaction.change_all(
            Comment, col(Comment.task_id).in_(family), col(Comment.deleted_at).is_(None), deleted_at=transaction.now
        )

    def _exhume(self, transaction: Transaction, task: Task) -> None:
        """Bring back what was deleted with the task; a list or parent that is gone by now is let go of."""
        then = task.revision
        if task.parent_id is not None and transaction.find(Task, task.parent_id) is None:
            task.parent_id = None
        transaction.session.flush()
        family = subtree(transaction, task.id)
        tasks = transaction.change_all(
            Task, col(Task.id).in_(family), col(Task.deleted_at).is_not(None), col(Task.revision) == then, deleted_at=None
        )
        transaction.change_all(
            Comment,
            col(Comment.task_id).in_(tasks),
            col(Comment.deleted_at).is_not(None),
            col(Comment.revision) == then,
            deleted_at=None,
        )
        living = transaction.living(TaskList).with_only_columns(col(TaskList.id))
        transaction.change_all(
            Task, col(Task.id).in_(tasks), col(Task.list_id).is_not(None), col(Task.list_id).not_in(living), list_id=None
        )

    def _check_references(self, transaction: Transaction, shape: WriteShape, row: Task | None) -> None:
        """Raise InvalidInput where a list, parent or tag does not exist, or a task would become its own ancestor."""
        sent = shape.present()
        flaws: list[Flaw] = []
        if sent.get("list_id") and transaction.find(TaskList, sent["list_id"]) is None:
            flaws.append(Flaw("/list_id", "There is no such list."))
        if sent.get("parent_id"):
            flaws += _parent_flaws(transaction, sent["parent_id"], sent.get("id") if row is None else row.id)
        if sent.get("tag_ids"):
            known, places = transaction.known(Tag, sent["tag_ids"]), enumerate(sent["tag_ids"])
            flaws += [Flaw(f"/tag_ids/{place}", "There is no such tag.") for place, tag_id in places if tag_id not in known]
        if flaws:
            raise InvalidInput(flaws)


def _parent_flaws(transaction: Transaction, parent_id: str, task_id: str | None) -> list[Flaw]:
    if parent_id == task_id:
        return [Flaw("/parent_id", "A task cannot be its own parent.")]
    if transaction.find(Task, parent_id) is None:
        return [Flaw("/parent_id", "There is no such task.")]
    if task_id is not None and task_id in ancestors(transaction, parent_id):
        return [Flaw("/parent_id", "The parent is a subtask of this task.")]
    return []


def _status(row: Task | None, *, completed: bool) -> Status | str:
    """Return the status that `completed` means for a task that is at another now."""
    if completed:
        return Status.COMPLETED
    return Status.PENDING if row is None or row.status == Status.COMPLETED else row.status
