"""Subtree and ancestors of a task, by recursive queries. A subtask is in the list of its parent.

The queries use `UNION`, not `UNION ALL`, so that they end even if the hierarchy contained a cycle.
"""

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlmodel import col

from models.task import Task
from services.unit_of_work import WriteTransaction


def subtree_ids(transaction: WriteTransaction, task_id: str) -> list[str]:
    """Return the ids of the task and its subtasks of all levels, deleted ones included."""
    owned = select(col(Task.id)).where(col(Task.user_id) == transaction.user_id)
    subtree = owned.where(col(Task.id) == task_id).cte("subtree", recursive=True)
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


def move_subtasks(transaction: WriteTransaction, task: Task) -> None:
    """Move the subtasks of all levels to the list of the task. Deleted ones follow when they are restored."""
    transaction.update_where(
        Task,
        col(Task.id).in_(subtree_ids(transaction, task.id)),
        col(Task.deleted_at).is_(None),
        col(Task.list_id).is_distinct_from(task.list_id),
        list_id=task.list_id,
    )
