"""Subtree and ancestors of a task, by recursive queries, and the rule that a subtask is in the list of its parent.

The queries use `UNION`, not `UNION ALL`, so that they end even if the hierarchy contained a cycle.
"""

from collections.abc import Container, Sequence

from sqlalchemy import Select, func, select
from sqlmodel import col

from models.task import Task
from services.errors import FieldError, InvalidInput
from services.unit_of_work import ColumnValues, WriteTransaction


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


def sort_parents_first(transaction: WriteTransaction, tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks in an order in which no task precedes one of its ancestors."""
    parents: Select[str, str | None] = select(col(Task.id).label("task_id"), col(Task.parent_id)).where(
        col(Task.user_id) == transaction.user_id
    )
    paths = parents.where(col(Task.id).in_([task.id for task in tasks])).cte("paths", recursive=True)
    next_parent = select(paths.c.task_id, col(Task.parent_id)).where(col(Task.user_id) == transaction.user_id)
    paths = paths.union(next_parent.where(col(Task.id) == paths.c.parent_id))
    by_depth = transaction.session.scalars(select(paths.c.task_id).group_by(paths.c.task_id).order_by(func.count()))
    tasks_by_id = {task.id: task for task in tasks}
    return [tasks_by_id[task_id] for task_id in by_depth]


def move_subtasks(transaction: WriteTransaction, task_ids: Sequence[str], list_id: str | None) -> None:
    """Move the subtasks of all levels to the list of the tasks. Deleted ones follow when they are restored."""
    transaction.update_where(
        Task,
        col(Task.id).in_(subtree_ids(transaction, task_ids)),
        col(Task.deleted_at).is_(None),
        col(Task.list_id).is_distinct_from(list_id),
        list_id=list_id,
    )


def validate_parent(parent_id: str, parent: Task | None, task_id: str | None, ancestors: Container[str]) -> list[FieldError]:
    """Return why a task (None: a new one) must not have this parent, whose ancestors are these."""
    if parent_id == task_id:
        return [FieldError("/parent_id", "A task cannot be its own parent.")]
    if parent is None:
        return [FieldError("/parent_id", "Task not found.")]
    if task_id is not None and task_id in ancestors:
        return [FieldError("/parent_id", "The parent is a subtask of this task.")]
    return []


def list_of_subtask(
    transaction: WriteTransaction, values: ColumnValues, row: Task | None, sent_parent: Task | None
) -> ColumnValues:
    """Return the list of the parent as a column value if these values give a task a new parent, else nothing.

    Raises InvalidInput if they move a subtask to another list than its parent's.
    """
    stored_parent_id, stored_list_id = (None, None) if row is None else (row.parent_id, row.list_id)
    parent_id = values.get("parent_id", stored_parent_id)
    if parent_id != stored_parent_id:
        return {} if sent_parent is None else {"list_id": sent_parent.list_id}
    if parent_id is not None and values.get("list_id", stored_list_id) != stored_list_id:
        parent = sent_parent or transaction.find(Task, parent_id)
        if parent is not None and parent.list_id != values["list_id"]:
            raise InvalidInput.at_pointer(
                "/list_id", "A subtask is in the list of its parent. Move the parent, or change `parent_id` too."
            )
    return {}
