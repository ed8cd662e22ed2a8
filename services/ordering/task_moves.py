"""Moves of tasks: the list and parent to which they go, and their place among the tasks there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import col

from models.task import Task, TaskMove
from models.task_list import TaskList
from services.errors import FieldError, InvalidInput
from services.ordering.moves import move_rows
from services.ordering.siblings import Siblings
from services.query_engine.entity_registry import TASK
from services.task_hierarchy import ParentCheck, list_of_subtask, move_subtasks, parent_lists
from services.unit_of_work import WriteTransaction


@dataclass(frozen=True, slots=True)
class TaskGroup:
    """List and parent that sibling tasks share. Subtasks are siblings if they share the parent."""

    list_id: str | None
    parent_id: str | None

    def siblings(self, transaction: WriteTransaction) -> Siblings[Task]:
        """Return the tasks of the group."""
        values = {"parent_id": self.parent_id} | ({"list_id": self.list_id} if self.parent_id is None else {})
        return Siblings(transaction, Task, values, TASK.display_name)


@dataclass(frozen=True, slots=True)
class TaskDestination:
    """The list and parent that a move names, as far as it names them."""

    sent: dict[str, str | None]
    parent: Task | None
    parent_check: ParentCheck | None
    parent_lists: Mapping[str, str | None]

    @classmethod
    def of_move(cls, transaction: WriteTransaction, move: TaskMove, tasks: Sequence[Task]) -> "TaskDestination":
        """Look up the list and the parent to which the tasks go.

        Raises InvalidInput if one does not exist, or the parent is in another list.
        """
        sent = {name: value for name, value in move.sent_fields().items() if name in {"list_id", "parent_id"}}
        list_id, parent_id = sent.get("list_id"), sent.get("parent_id")
        errors: list[FieldError] = []
        if list_id is not None and transaction.find(TaskList, list_id) is None:
            errors.append(FieldError("/list_id", "List not found."))
        parent = None if parent_id is None else transaction.find(Task, parent_id)
        if parent_id is not None and parent is None:
            errors.append(FieldError("/parent_id", "Task not found."))
        if not errors and parent is not None and sent.get("list_id", parent.list_id) != parent.list_id:
            errors.append(FieldError("/list_id", "The parent is in another list; omit `list_id`, or send that of the parent."))
        if errors:
            raise InvalidInput(errors)
        check = None if parent is None else ParentCheck.of_tasks(transaction, parent, tasks)
        lists = parent_lists(transaction, tasks) if "list_id" in sent else {}
        return cls(sent=sent, parent=parent, parent_check=check, parent_lists=lists)

    def group_of(self, task: Task) -> TaskGroup:
        """Return the group to which the task goes. Raises InvalidInput if it must not have this parent or list."""
        if self.parent is not None and self.parent_check is not None:
            errors = self.parent_check.errors(self.parent.id, task.id, is_new=False)
            if errors:
                raise InvalidInput(errors)
        values = self.sent | list_of_subtask(self.sent, task, self.parent, self.parent_lists)
        return TaskGroup(values.get("list_id", task.list_id), values.get("parent_id", task.parent_id))


def move_tasks(transaction: WriteTransaction, tasks: Sequence[Task], group: TaskGroup, move: TaskMove) -> None:
    """Move the tasks to the group and to their place in it; subtasks of all levels follow to its list.

    Raises InvalidInput for the place, and Conflict if too many tasks would have to be renumbered.
    """
    move_rows(group.siblings(transaction), tasks, move)
    elsewhere = [task.id for task in tasks if (task.list_id, task.parent_id) != (group.list_id, group.parent_id)]
    to_other_list = [task.id for task in tasks if task.list_id != group.list_id]
    if elsewhere:
        transaction.update_where(Task, col(Task.id).in_(elsewhere), list_id=group.list_id, parent_id=group.parent_id)
    if to_other_list:
        move_subtasks(transaction, to_other_list, group.list_id)
