"""What resolvers get: the caller, if there is one, and one snapshot for all reads of an operation."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from typing import Any

import strawberry

from services.accounts import AccountService, Reception
from services.comments import CommentService, TaskCommentService
from services.context import UserContext
from services.errors import TodoError
from services.lists import ListService
from services.passwords import Passwords
from services.tags import TagService
from services.tasks import TaskService
from services.transactions import Snapshot


class GraphContext:
    """One operation's. Whatever touches data asks for the caller, and fails closed without one."""

    def __init__(self, identify: Callable[[], UserContext], reception: Reception, passwords: Passwords) -> None:
        self._identify = identify
        self._open = ExitStack()
        self._unopened: TodoError | None = None
        self._passwords = passwords
        self.reception = reception
        self.selections: dict[str, Any] = {}

    @cached_property
    def caller(self) -> UserContext:
        """Return the caller's context. Raises Unauthenticated."""
        return self._identify()

    @cached_property
    def snapshot(self) -> Snapshot:
        """Open the operation's one read transaction, on first use. Raises Unauthenticated, Unavailable.

        What did not open once is not tried again by the operation's next field.
        """
        if self._unopened is not None:
            raise self._unopened
        try:
            return self._open.enter_context(self.caller.snapshot())
        except TodoError as error:
            self._unopened = error
            raise

    @property
    def account(self) -> AccountService:
        """Return the caller's account."""
        return AccountService(self.caller, self._passwords)

    @property
    def tasks(self) -> TaskService:
        """Return the caller's tasks."""
        return TaskService(self.caller)

    @property
    def lists(self) -> ListService:
        """Return the caller's lists."""
        return ListService(self.caller)

    @property
    def tags(self) -> TagService:
        """Return the caller's tags."""
        return TagService(self.caller)

    @property
    def comments(self) -> CommentService:
        """Return the caller's comments."""
        return CommentService(self.caller)

    def comments_on(self, task_id: str) -> TaskCommentService:
        """Return the comments on one of the caller's tasks."""
        return TaskCommentService(self.caller, task_id)

    def close(self) -> None:
        """End the read transaction, if one was opened."""
        self._open.close()


Info = strawberry.Info[GraphContext, None]
