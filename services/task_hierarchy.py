"""Subtree and ancestors of a task, by recursive queries, and the rule that a subtask is in the list of its parent.

The queries use `UNION`, not `UNION ALL`, so that they end even if the hierarchy contained a cycle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, literal, select
from sqlmodel import col

from models.task import Task
from services.errors import FieldError, InvalidInput
from services.unit_of_work import ColumnValues, WriteTransaction

MAX_SUBTASK_LEVELS = 30


def subtree_ids(transaction: WriteTransaction, task_ids: Sequence[str]) -> list[str]:
    """Return the ids of the tasks and their subtasks of all levels, deleted ones included."""
    owned = select(col(Task.id)).where(col(Task.user_id) == transaction.user_id)
    subtree = owned.where(col(Task.id).in_(task_ids)).cte("subtree", recursive=True)
    subtree = subtree.union(owned.join(subtree, col(Task.parent_id) == subtree.c.id))
    return list(transaction.session.scalars(select(subtree.c.id)))


def ancestor_ids(transaction: WriteTransaction, task_id: str) -> list[str]:
    """Return the ids of the task and its ancestors."""
    owned = select(col(Task.id), col(Task.parent_id)).where(col(Task.user_id) == transaction.user_id)
    ancestors = owned.where(col(Task.id) == task_id).cte("ancestors", recursive=True)
    ancestors = ancestors.union(owned.join(ancestors, col(Task.id) == ancestors.c.parent_id))
    return list(transaction.session.scalars(select(ancestors.c.id)))


def move_subtasks(transaction: WriteTransaction, task_ids: Sequence[str], list_id: str | None) -> None:
    """Move the subtasks of all levels to the list of the tasks. Deleted ones follow when they are restored."""
    transaction.update_where(
        Task,
        col(Task.id).in_(subtree_ids(transaction, task_ids)),
        col(Task.deleted_at).is_(None),
        col(Task.list_id).is_distinct_from(list_id),
        list_id=list_id,
    )


@dataclass(frozen=True, slots=True)
class ParentCheck:
    """Why tasks must not become subtasks of a parent: it is one of the `ancestors`, or the hierarchy would be too deep."""

    ancestors: frozenset[str]
    too_deep: frozenset[str]

    @classmethod
    def of_tasks(cls, transaction: WriteTransaction, parent: Task, tasks: Sequence[Task]) -> "ParentCheck":
        """Look up the ancestors of the parent, and which of the tasks have too many levels of subtasks for it."""
        ancestors = frozenset(ancestor_ids(transaction, parent.id))
        new_ids = [task.id for task in tasks if task.parent_id != parent.id]
        return cls(ancestors, _too_deep_ids(transaction, new_ids, len(ancestors)) if new_ids else frozenset())

    def errors(self, parent_id: str, task_id: str | None, *, is_new: bool) -> list[FieldError]:
        """Return why this task must not have this parent."""
        if task_id is not None and task_id in self.ancestors:
            cycle = "A task cannot be its own parent." if task_id == parent_id else "The parent is a subtask of this task."
            return [FieldError("/parent_id", cycle)]
        if task_id in self.too_deep or (is_new and len(self.ancestors) > MAX_SUBTASK_LEVELS):
            return [FieldError("/parent_id", f"Subtasks nest at most {MAX_SUBTASK_LEVELS} levels deep.")]
        return []


def _too_deep_ids(transaction: WriteTransaction, task_ids: Sequence[str], level: int) -> frozenset[str]:
    """Return the ids of tasks that must not be moved to this level, which is the number of their new ancestors.

    Deleted subtasks count, so that restoring them keeps the limit. A hierarchy of an older version that is too deep may be moved
    up.
    """
    too_deep = _ids_with_subtask_levels(transaction, task_ids, MAX_SUBTASK_LEVELS + 1 - level)
    return too_deep - _ids_at_level(transaction, list(too_deep), level) if too_deep else too_deep


def _ids_with_subtask_levels(transaction: WriteTransaction, task_ids: Sequence[str], levels: int) -> frozenset[str]:
    """Return the ids of those tasks that have at least so many levels of subtasks."""
    if levels <= 0:
        return frozenset(task_ids)
    owned: Select[str, str, int] = select(col(Task.id), col(Task.id).label("subtask_id"), literal(0).label("step"))
    owned = owned.where(col(Task.user_id) == transaction.user_id)
    below = owned.where(col(Task.id).in_(task_ids)).cte("below", recursive=True)
    subtask = select(below.c.id, col(Task.id), below.c.step + 1).where(
        col(Task.user_id) == transaction.user_id, col(Task.parent_id) == below.c.subtask_id, below.c.step < levels
    )
    below = below.union(subtask)
    return frozenset(transaction.session.scalars(select(below.c.id).where(below.c.step == levels).distinct()))


def _ids_at_level(transaction: WriteTransaction, task_ids: Sequence[str], level: int) -> frozenset[str]:
    """Return the ids of those tasks that have at least so many ancestors."""
    owned: Select[str, str | None, int] = select(col(Task.id), col(Task.parent_id), literal(0).label("step"))
    owned = owned.where(col(Task.user_id) == transaction.user_id)
    above = owned.where(col(Task.id).in_(task_ids)).cte("above", recursive=True)
    parent = select(above.c.id, col(Task.parent_id), above.c.step + 1).where(
        col(Task.user_id) == transaction.user_id, col(Task.id) == above.c.parent_id, above.c.step < level
    )
    above = above.union(parent)
    return frozenset(transaction.session.scalars(select(above.c.id).where(above.c.step == level)))


def parent_lists(transaction: WriteTransaction, tasks: Sequence[Task]) -> dict[str, str | None]:
    """Return the list ids of the tasks' parents, by the id of the parent."""
    parent_ids = {task.parent_id for task in tasks if task.parent_id is not None}
    return {parent.id: parent.list_id for parent in transaction.find_all(Task, list(parent_ids)).values()} if parent_ids else {}


def parent_lists_after_move(transaction: WriteTransaction, tasks: Sequence[Task], list_id: str | None) -> dict[str, str | None]:
    """Return the list ids of the tasks' parents after the tasks were moved to a list, with their subtasks of all levels."""
    lists = parent_lists(transaction, [task for task in tasks if task.list_id != list_id])
    if any(parent_list != list_id for parent_list in lists.values()):
        moved = lists.keys() & subtree_ids(transaction, [task.id for task in tasks])
        lists.update(dict.fromkeys(moved, list_id))
    return lists


def list_of_subtask(
    values: ColumnValues, row: Task | None, sent_parent: Task | None, lists: Mapping[str, str | None]
) -> ColumnValues:
    """Return the list of the parent as a column value if these values give a task a new parent, else nothing.

    `lists` are the list ids of the present parents. Raises InvalidInput if the values move a subtask to another list than its
    parent's.
    """
    stored_parent_id, stored_list_id = (None, None) if row is None else (row.parent_id, row.list_id)
    parent_id = values.get("parent_id", stored_parent_id)
    if parent_id != stored_parent_id:
        return {} if sent_parent is None else {"list_id": sent_parent.list_id}
    list_id = values.get("list_id", stored_list_id)
    if parent_id is not None and list_id != stored_list_id and lists.get(parent_id, list_id) != list_id:
        raise InvalidInput.at_pointer(
            "/list_id", "A subtask is in the list of its parent. Move the parent, or change `parent_id` too."
        )
    return {}
