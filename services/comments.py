"""Comments on tasks."""

from models.comment import Comment, CommentCreate, CommentUpdate
from models.input_schemas import InputSchema
from models.task import Task
from services.errors import NotFound
from services.query_engine.entity_registry import COMMENT, TASK
from services.resource_service import ResourceService
from services.unit_of_work import ColumnValues, WriteTransaction
from services.user_context import UserContext


class CommentService(ResourceService[Comment, CommentCreate, CommentUpdate]):
    """A user's comments."""

    entity = COMMENT
    table = Comment


class TaskCommentService(CommentService):
    """The comments on one task."""

    def __init__(self, context: UserContext, task_id: str) -> None:
        super().__init__(context)
        self._task_id = task_id

    def _column_values(self, transaction: WriteTransaction, shape: InputSchema, row: Comment | None) -> ColumnValues:
        if transaction.find(Task, self._task_id) is None:
            raise NotFound.for_resource(TASK.display_name)
        return {**super()._column_values(transaction, shape, row), "task_id": self._task_id}
