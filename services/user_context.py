"""The one context that guards everything: a user, and the transactions in which that user exists.

Every service needs a UserContext to exist, and no service method takes a user id. The context opens every transaction, and the
first message of that transaction carries the user into the database, where row-level security and composite keys hold even if
a service forgot a filter.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session, col

from models.credentials import ApiToken, Credential, LoginSession
from models.database import ConnectionType, Database, Row, TransactionPreamble
from models.scopes import Scope
from models.sql import driver_connection
from models.user import DeletedUser, User, UserRevision
from services.authorization import EXTERNAL, INVALID_API_TOKEN, Authorization
from services.database_errors import translate_database_errors
from services.errors import Unauthenticated
from services.query_engine.execution.budget import Budget
from services.rate_limiting.client import RequestQuota
from services.unit_of_work import ReadTransaction, WriteTransaction

_ACCOUNT_SQL = (
    "SELECT account.is_active, counter.revision, transaction_timestamp() AS now, {lease} AS is_leased "
    'FROM "user" AS account JOIN user_revision AS counter ON counter.user_id = account.id WHERE account.id = %s'
)
_CREDENTIAL_SQL = "EXISTS (SELECT FROM {table} WHERE user_id = account.id AND id = %s AND expires_at > now())"
_REVOKED_MESSAGES: Mapping[type[Credential] | None, str] = {
    LoginSession: "This session has ended; log in again.",
    ApiToken: INVALID_API_TOKEN,
}
_PREAMBLE_SQL: Mapping[type[Credential] | None, str] = {None: _ACCOUNT_SQL.format(lease="true")} | {
    lease: _ACCOUNT_SQL.format(lease=_CREDENTIAL_SQL.format(table=lease.__tablename__)) for lease in (LoginSession, ApiToken)
}
# A statement of its own, so that the next one sees what was committed while this one waited: a session may have ended meanwhile.
_LOCK_SQL = "SELECT FROM user_revision WHERE user_id = %s FOR UPDATE; "

BeginTransaction = Callable[[TransactionPreamble], AbstractContextManager[tuple[ConnectionType, Row]]]


@dataclass(frozen=True, slots=True)
class ExternalUserProfile:
    """What a token signed elsewhere says about its user, who gets a row on first use."""

    email: str | None
    name: str | None
    issued_at: datetime | None


@dataclass(frozen=True, slots=True)
class UserContext:
    """Who is asking, in one request. There is no context without a user."""

    user_id: str
    database: Database
    external_profile: ExternalUserProfile | None = None
    authorization: Authorization = EXTERNAL
    request_quota: RequestQuota | None = field(default=None, compare=False, repr=False)
    budget: Budget = field(default_factory=Budget, compare=False, repr=False)

    @contextmanager
    def read_transaction(self) -> Iterator[ReadTransaction]:
        """Open a read transaction.

        Raises Unauthenticated where the account is gone or inactive or the token's lease has ended; RateLimited where the user
        has asked for too much; Unavailable where the database is away.
        """
        with self._begin(self.database.read) as (connection, revision, now):
            yield ReadTransaction(
                user_id=self.user_id,
                authorization=self.authorization,
                connection=connection,
                revision=revision,
                now=now,
                budget=self.budget,
                statement_timeout=self.database.statement_timeout_seconds,
            )

    @contextmanager
    def write_transaction(self, scope: Scope = Scope.TASKS_WRITE) -> Iterator[WriteTransaction]:
        """Open a write transaction: kept when the block ends, undone when it raises.

        Raises as `snapshot` does, and Forbidden where the token lacks the scope.
        """
        with (
            self._begin(self.database.write, _LOCK_SQL) as (connection, revision, now),
            Session(bind=connection, expire_on_commit=False) as session,
        ):
            self.authorization.require_scope(scope)
            yield WriteTransaction(
                user_id=self.user_id,
                authorization=self.authorization,
                connection=driver_connection(connection),
                revision=revision,
                now=now,
                budget=self.budget,
                statement_timeout=self.database.statement_timeout_seconds,
                sql=connection,
                session=session,
            )
            session.flush()

    @contextmanager
    def _begin(self, begin: BeginTransaction[ConnectionType], lock: str = "") -> Iterator[tuple[ConnectionType, int, datetime]]:
        if self.request_quota is not None:
            self.request_quota.consume()
        opening = self._preamble(lock)
        with translate_database_errors(), ExitStack() as stack:
            connection, account = stack.enter_context(begin(opening))
            if account is None and self.external_profile is not None:
                stack.close()
                self._provision_user(self.external_profile)
                connection, account = stack.enter_context(begin(opening))
            if account is None:
                raise Unauthenticated("This account no longer exists.")
            is_active, revision, now, is_leased = account
            if not is_active:
                raise Unauthenticated("This account is not active.")
            if not is_leased:
                raise Unauthenticated(_REVOKED_MESSAGES[self.authorization.credential_type])
            yield connection, revision, now

    def _preamble(self, lock: str) -> TransactionPreamble:
        locked = (self.user_id,) if lock else ()
        leased = () if self.authorization.credential_id is None else (self.authorization.credential_id,)
        return TransactionPreamble(
            {"app.user_id": self.user_id},
            lock + _PREAMBLE_SQL[self.authorization.credential_type],
            (*locked, *leased, self.user_id),
        )

    def _provision_user(self, newcomer: ExternalUserProfile) -> None:
        """Give a user known by another issuer a row, unless the token is older than that account's deletion here."""
        opening = TransactionPreamble({"app.user_id": self.user_id}, "SELECT 1", ())
        with translate_database_errors(), self.database.write(opening) as (connection, _):
            gone = connection.scalar(select(col(DeletedUser.deleted_at)).where(col(DeletedUser.user_id) == self.user_id))
            if gone is not None and (newcomer.issued_at is None or newcomer.issued_at <= gone):
                raise Unauthenticated("This account no longer exists.")
            if self._insert_user(connection, newcomer):
                connection.execute(insert(UserRevision).values(user_id=self.user_id, revision=0, purged_revision=0))

    def _insert_user(self, connection: Connection, newcomer: ExternalUserProfile) -> bool:
        """Insert the account, without its e-mail if another account has that; False where it is there already."""
        for email in dict.fromkeys((newcomer.email, None)):
            account = {"id": self.user_id, "email": email, "name": newcomer.name, "is_active": True}
            statement = upsert(User).values(**account, created_at=func.now(), updated_at=func.now())
            if connection.scalar(statement.on_conflict_do_nothing().returning(col(User.id))) is not None:
                return True
        return False
