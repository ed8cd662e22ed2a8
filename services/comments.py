"""Comment services."""

from models.comment import Comment, CommentCreate, CommentUpdate
from models.schemas.input_schemas import InputSchema
from models.task import Task
from services.errors import NotFound
from services.query_engine.entity_registry import COMMENT, TASK
from services.resource_service import ResourceService
from services.unit_of_work import ColumnValues, WriteTransaction
from services.user_context import UserContext


class CommentService(ResourceService[Comment, CommentCreate, CommentUpdate]):
    """Comments of the authenticated user."""

    entity = COMMENT
    table = Comment


class TaskCommentService(CommentService):
    """Comments on one task."""

    def __init__(self, context: UserContext, task_id: str) -> None:
        super().__init__(context)
        self._task_id = task_id

    def _column_values(self, transaction: WriteTransaction, data: InputSchema, row: Comment | None) -> ColumnValues:
        if transaction.find(Task, self._task_id) is None:
            raise NotFound.for_resource(TASK.display_name)
        return {**super()._column_values(transaction, data, row), "task_id": self._task_id}
