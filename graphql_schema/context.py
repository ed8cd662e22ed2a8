"""GraphQL context: what resolvers get. The caller, if there is one, and one snapshot for all reads of an operation."""

from contextlib import ExitStack
from functools import cached_property

import strawberry

from graphql_schema.compiled_operation import PreparedRootField
from services.accounts import AccountService
from services.api_tokens import ApiTokenService
from services.comments import CommentService, TaskCommentService
from services.context import UserContext
from services.errors import TodoError
from services.lists import ListService
from services.passwords import PasswordHasher
from services.rate_limiting.client import Client
from services.reception import AuthService
from services.sessions import SessionService
from services.tags import TagService
from services.tasks import TaskService
from services.transactions import ReadTransaction


class GraphQLContext:
    """The context of one execution. All access to data needs the caller, and fails without one.

    `root_readers` collects the root fields that graphql-core has executed, from which the operation is compiled.
    """

    def __init__(
        self, caller: UserContext | TodoError, client: Client, reception: AuthService, passwords: PasswordHasher
    ) -> None:
        self._caller = caller
        self._exit_stack = ExitStack()
        self._snapshot_error: TodoError | None = None
        self._passwords = passwords
        self.client = client
        self.reception = reception
        self.bind_variables: frozenset[str] = frozenset()
        self.root_readers: list[PreparedRootField] = []

    @property
    def caller(self) -> UserContext:
        """Return the caller's context. Raises Unauthenticated; Unavailable where it could not be told who is calling."""
        if isinstance(self._caller, TodoError):
            raise self._caller
        return self._caller

    def reserve_quota(self, transactions: int, cost: int, auth_attempts: int) -> None:
        """Reserve the transactions and attempts to authenticate of an operation, and charge its cost, before it runs.

        Without a valid token, the quota is that of the address. Raises RateLimited, QueryTooComplex.
        """
        quota = self.client.anonymous_quota if isinstance(self._caller, TodoError) else self._caller.request_quota
        if quota is not None:
            quota.reserve(transactions, cost=cost)
        if auth_attempts:
            self.client.auth_attempts.reserve(auth_attempts)

    @cached_property
    def snapshot(self) -> ReadTransaction:
        """Return the operation's one read transaction, opened on first use. Raises Unauthenticated, RateLimited, Unavailable.

        If it cannot be opened, the operation's next field does not try again.
        """
        if self._snapshot_error is not None:
            raise self._snapshot_error
        try:
            return self._exit_stack.enter_context(self.caller.read_transaction())
        except TodoError as error:
            self._snapshot_error = error
            raise

    @property
    def account(self) -> AccountService:
        """Return the caller's account."""
        return AccountService(self.caller, self._passwords, self.client)

    @property
    def sessions(self) -> SessionService:
        """Return the caller's sessions."""
        return SessionService(self.caller)

    @property
    def api_tokens(self) -> ApiTokenService:
        """Return the caller's API tokens."""
        return ApiTokenService(self.caller)

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
        self._exit_stack.close()


Info = strawberry.Info[GraphQLContext, None]
