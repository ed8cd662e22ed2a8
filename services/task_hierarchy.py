"""Which tasks are above and below a task. `UNION`, not `UNION ALL`: a walk ends even if the tree were broken."""

from sqlalchemy import select
from sqlmodel import col

from models.task import Task
from services.unit_of_work import WriteTransaction


def subtree_ids(transaction: WriteTransaction, task_id: str) -> list[str]:
    """Return the ids of the task and all below it, deleted ones too."""
    mine = select(col(Task.id)).where(col(Task.user_id) == transaction.user_id)
    family = mine.where(col(Task.id) == task_id).cte("family", recursive=True)
    family = family.union(mine.join(family, col(Task.parent_id) == family.c.id))
    return list(transaction.session.scalars(select(family.c.id)))


def ancestor_ids(transaction: WriteTransaction, task_id: str) -> list[str]:
    """Return the ids of the task and all above it."""
    mine = select(col(Task.id), col(Task.parent_id)).where(col(Task.user_id) == transaction.user_id)
    line = mine.where(col(Task.id) == task_id).cte("line", recursive=True)
    line = line.union(mine.join(line, col(Task.id) == line.c.parent_id))
    return list(transaction.session.scalars(select(line.c.id)))
