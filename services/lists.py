"""List service."""

from sqlmodel import col

from models.task import Task
from models.task_list import ListCreate, ListUpdate, TaskList
from services.query_engine.entity_registry import TASK_LIST
from services.resource_service import ResourceService
from services.unit_of_work import WriteTransaction


class ListService(ResourceService[TaskList, ListCreate, ListUpdate]):
    """Lists of the authenticated user."""

    entity = TASK_LIST
    table = TaskList

    def _soft_delete(self, transaction: WriteTransaction, row: TaskList) -> None:
        """Delete the list, and remove its tasks from it; the tasks stay."""
        super()._soft_delete(transaction, row)
        transaction.update_where(Task, col(Task.list_id) == row.id, col(Task.deleted_at).is_(None), list_id=None)
