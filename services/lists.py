"""List service."""

from sqlmodel import col

from models.task import Task
from models.task_list import ListCreate, ListMove, ListUpdate, TaskList
from services.ordering.moves import move_rows
from services.ordering.siblings import Siblings
from services.preconditions import NO_PRECONDITIONS, Preconditions
from services.query_engine.entity_registry import TASK_LIST
from services.query_engine.query_model import RowSelection
from services.resource_service import ResourceService, Result
from services.unit_of_work import WriteTransaction


class ListService(ResourceService[TaskList, ListCreate, ListUpdate]):
    """Lists of the authenticated user."""

    entity = TASK_LIST
    table = TaskList

    def move(
        self,
        list_id: str,
        move: ListMove,
        selection: RowSelection[Result | None],
        preconditions: Preconditions = NO_PRECONDITIONS,
    ) -> Result:
        """Move the list among the lists. No effect if it is at the place already.

        Raises NotFound, PreconditionFailed, InvalidInput, and Conflict if too many lists would have to be renumbered.
        """
        with self.context.write_transaction() as transaction:
            task_list = self._get_or_raise(transaction, list_id)
            self._check_preconditions(transaction, task_list, preconditions, selection)
            move_rows(Siblings(transaction, TaskList, {}, TASK_LIST.display_name), [task_list], move)
            return self._read(transaction, list_id, selection)

    def _soft_delete(self, transaction: WriteTransaction, row: TaskList) -> None:
        """Delete the list, and remove its tasks from it; the tasks stay."""
        super()._soft_delete(transaction, row)
        transaction.update_where(Task, col(Task.list_id) == row.id, col(Task.deleted_at).is_(None), list_id=None)
