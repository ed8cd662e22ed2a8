"""Subtree and ancestors of a task, by recursive queries.

They use `UNION`, not `UNION ALL`, so that they end even if the hierarchy contained a cycle.
"""

from sqlalchemy import select
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
