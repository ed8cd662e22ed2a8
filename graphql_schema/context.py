"""GraphQL context of one operation: the caller, the services, and one read transaction for all reads."""

from contextlib import ExitStack
from functools import cached_property
from typing import Protocol, TypeVar

import strawberry

from graphql_schema.documents.compiled_operation import CompiledRootField
from services.accounts.deletion_worker import DeletionWorker
from services.accounts.service import AccountService
from services.auth.api_tokens import ApiTokenService
from services.auth.login import AuthService, FollowUp
from services.auth.password_hashing import PasswordHasher
from services.auth.sessions import SessionService
from services.comments import CommentService, TaskCommentService
from services.errors import TodoError
from services.lists import ListService
from services.rate_limiting.client import Client
from services.tags import TagService
from services.tasks import TaskService
from services.unit_of_work import ReadTransaction
from services.user_context import UserContext

Result = TypeVar("Result")


class FollowUpRunner(Protocol):
    """Function that runs a follow-up in a slot of its user. Raises RateLimited if none is free soon."""

    def __call__(self, follow_up: FollowUp[Result], /) -> Result:
        """Return the result of the follow-up."""


class GraphQLContext:
    """The context of one execution. Access to data raises the authentication error unless the caller is authenticated.

    `root_readers` collects the readers of the root fields that graphql-core has executed; the operation is compiled from them.
    """

    def __init__(
        self,
        user_or_error: UserContext | TodoError,
        client: Client,
        *,
        auth_service: AuthService,
        password_hasher: PasswordHasher,
        deletion_worker: DeletionWorker,
    ) -> None:
        self._user_or_error = user_or_error
        self._exit_stack = ExitStack()
        self._read_error: TodoError | None = None
        self._password_hasher = password_hasher
        self._deletion_worker = deletion_worker
        self.client = client
        self.auth_service = auth_service
        self.run_in_slot: FollowUpRunner = _run_now  # the server replaces it
        self.bind_variables: frozenset[str] = frozenset()
        self.root_readers: list[CompiledRootField] = []

    @property
    def user(self) -> UserContext:
        """Return the caller's context. Raises Unauthenticated, or Unavailable if authentication was not possible."""
        if isinstance(self._user_or_error, TodoError):
            raise self._user_or_error
        return self._user_or_error

    @property
    def authentication_error(self) -> TodoError | None:
        """Return the reason why the client is anonymous; None if it is authenticated."""
        return self._user_or_error if isinstance(self._user_or_error, TodoError) else None

    def reserve_cost(self, cost: int) -> None:
        """Reserve a cost that arises before the operation is known. Raises RateLimited, QueryTooComplex."""
        self.reserve_quota(0, cost, 0)

    def reserve_quota(self, transactions: int, cost: int, auth_attempts: int) -> None:
        """Reserve the transactions, cost and authentication attempts of an operation before it runs.

        Without a valid token, the quota of the network address is used. Raises RateLimited, QueryTooComplex.
        """
        quota = self.client.anonymous_quota if isinstance(self._user_or_error, TodoError) else self._user_or_error.request_quota
        if quota is not None:
            quota.reserve(transactions, cost=cost)
        if auth_attempts:
            self.client.auth_attempts.reserve(auth_attempts)

    @cached_property
    def read_transaction(self) -> ReadTransaction:
        """Return the read transaction of the operation, opened on first use. Raises Unauthenticated, RateLimited, Unavailable.

        If it cannot be opened, later fields of the operation raise the same error without another attempt.
        """
        if self._read_error is not None:
            raise self._read_error
        try:
            return self._exit_stack.enter_context(self.user.read_transaction())
        except TodoError as error:
            self._read_error = error
            raise

    @property
    def account(self) -> AccountService:
        """Return the service for the caller's account."""
        return AccountService(self.user, self._password_hasher, self.client, self._deletion_worker)

    @property
    def sessions(self) -> SessionService:
        """Return the service for the caller's sessions."""
        return SessionService(self.user)

    @property
    def api_tokens(self) -> ApiTokenService:
        """Return the service for the caller's API tokens."""
        return ApiTokenService(self.user)

    @property
    def tasks(self) -> TaskService:
        """Return the service for the caller's tasks."""
        return TaskService(self.user)

    @property
    def lists(self) -> ListService:
        """Return the service for the caller's lists."""
        return ListService(self.user)

    @property
    def tags(self) -> TagService:
        """Return the service for the caller's tags."""
        return TagService(self.user)

    @property
    def comments(self) -> CommentService:
        """Return the service for the caller's comments."""
        return CommentService(self.user)

    def comments_on(self, task_id: str) -> TaskCommentService:
        """Return the service for the comments on one of the caller's tasks."""
        return TaskCommentService(self.user, task_id)

    def restart_reads(self) -> None:
        """Close the read transaction, so that the operation can be executed again in a new one."""
        self.close()
        self.__dict__.pop("read_transaction", None)
        self.root_readers.clear()
        self.user.budget.reset()

    def close(self) -> None:
        """Close the read transaction if one is open."""
        self._exit_stack.close()


def _run_now(follow_up: FollowUp[Result], /) -> Result:
    return follow_up.run()


Info = strawberry.Info[GraphQLContext, None]
