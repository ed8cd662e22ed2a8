"""User context: the authenticated user of a request, and the transactions that are restricted to this user.

Every service is created with a UserContext, and no service method takes a user id. The context opens every transaction. The
transaction preamble sets the user in the database, where row-level security and composite foreign keys isolate the user's rows
even if a service omits a filter.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from models.columns import with_computed_columns
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

# The clock is read after the lock: transaction_timestamp() would be the time at which the transaction began to wait for it.
_ACCOUNT_SQL = (
    "SELECT account.is_active, counter.revision, greatest(clock_timestamp(), counter.stamped_at) AS now, "
    "{credential} AS credential_is_valid, {new_email} AS has_new_email "
    'FROM "user" AS account JOIN user_revision AS counter ON counter.user_id = account.id WHERE account.id = %s'
)
_CREDENTIAL_SQL = "EXISTS (SELECT FROM {table} WHERE user_id = account.id AND id = %s AND expires_at > clock_timestamp())"
# Whether an external token changes the e-mail of its account: it is not older than the token that named the last one, nor that
# token itself, whose e-mail another account may have.
_NEW_EMAIL_SQL = (
    "(account.is_active AND account.password_hash IS NULL AND account.email IS DISTINCT FROM %s "
    "AND (account.issuer_email, account.issuer_email_at) IS DISTINCT FROM (%s, %s) "
    "AND coalesce(account.issuer_email_at <= %s, true))"
)
_REVOKED_MESSAGES: Mapping[type[Credential] | None, str] = {
    LoginSession: "The session was revoked or has expired; log in again.",
    ApiToken: INVALID_API_TOKEN,
}
_PREAMBLE_SQL: Mapping[type[Credential] | None, str] = {None: _ACCOUNT_SQL.format(credential="true", new_email="false")} | {
    credential_type: _ACCOUNT_SQL.format(
        credential=_CREDENTIAL_SQL.format(table=credential_type.__tablename__), new_email="false"
    )
    for credential_type in (LoginSession, ApiToken)
}
_EMAIL_PREAMBLE_SQL = _ACCOUNT_SQL.format(credential="true", new_email=_NEW_EMAIL_SQL)
# A separate statement, so that the next one sees what was committed while this one waited, such as the revocation of a session.
_LOCK_SQL = "SELECT FROM user_revision WHERE user_id = %s FOR UPDATE; "

BeginTransaction = Callable[[TransactionPreamble], AbstractContextManager[tuple[ConnectionType, Row]]]


@dataclass(frozen=True, slots=True)
class ExternalUserProfile:
    """Profile claims of an external token, from which the user is provisioned on first use; later ones may change the e-mail."""

    email: str | None
    name: str | None
    issued_at: datetime | None


@dataclass(frozen=True, slots=True)
class UserContext:
    """The user of one request, with the token's authorization and the request's quota. There is no context without a user."""

    user_id: str
    database: Database
    external_profile: ExternalUserProfile | None = None
    authorization: Authorization = EXTERNAL
    request_quota: RequestQuota | None = field(default=None, compare=False, repr=False)
    budget: Budget = field(default_factory=Budget, compare=False, repr=False)

    @contextmanager
    def read_transaction(self) -> Iterator[ReadTransaction]:
        """Open a read transaction.

        Raises Unauthenticated if the account is deleted or inactive or the credential is revoked or expired, RateLimited if the
        user's quota is exhausted, Unavailable if the database is unavailable.
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
        """Open a write transaction; commit when the block ends, roll back if it raises.

        Raises the errors of `read_transaction`, and Forbidden if the token lacks the scope.
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
        preamble = self._preamble(lock)
        with translate_database_errors(), ExitStack() as stack:
            connection, account = stack.enter_context(begin(preamble))
            if self.external_profile is not None and (account is None or _has_new_email(account)):
                stack.close()
                if account is None:
                    self._provision_user(self.external_profile)
                else:
                    self._take_over_email(self.external_profile)
                connection, account = stack.enter_context(begin(preamble))
            if account is None:
                raise Unauthenticated("The account was deleted.")
            is_active, revision, now, credential_is_valid, _ = account
            if not is_active:
                raise Unauthenticated("The account is deactivated.")
            if not credential_is_valid:
                raise Unauthenticated(_REVOKED_MESSAGES[self.authorization.credential_type])
            yield connection, revision, now

    def _preamble(self, lock: str) -> TransactionPreamble:
        settings = {"app.user_id": self.user_id}
        lock_parameters = (self.user_id,) if lock else ()
        profile = self.external_profile
        if profile is not None and profile.email is not None:
            email_parameters = (profile.email, profile.email, profile.issued_at, profile.issued_at)
            return TransactionPreamble(settings, lock + _EMAIL_PREAMBLE_SQL, (*lock_parameters, *email_parameters, self.user_id))
        credential_id = self.authorization.credential_id
        credential_parameters = () if credential_id is None else (credential_id,)
        return TransactionPreamble(
            settings,
            lock + _PREAMBLE_SQL[self.authorization.credential_type],
            (*lock_parameters, *credential_parameters, self.user_id),
        )

    def _provision_user(self, profile: ExternalUserProfile) -> None:
        """Create the account of an external user, unless the token was issued before that account was deleted here."""
        preamble = TransactionPreamble({"app.user_id": self.user_id}, "SELECT 1", ())
        with translate_database_errors(), self.database.write(preamble) as (connection, _):
            deleted_at = connection.scalar(select(col(DeletedUser.deleted_at)).where(col(DeletedUser.user_id) == self.user_id))
            if deleted_at is not None and (profile.issued_at is None or profile.issued_at <= deleted_at):
                raise Unauthenticated("The account was deleted.")
            if self._insert_user(connection, profile):
                connection.execute(insert(UserRevision).values(user_id=self.user_id, revision=0, purged_revision=0))

    def _take_over_email(self, profile: ExternalUserProfile) -> None:
        """Set the e-mail of an external user to the one that the token names, unless another account has it."""
        with self.database.write(self._preamble(_LOCK_SQL)) as (connection, row):
            if row is None or not _has_new_email(row):  # a concurrent request was first
                return
            _, revision, now, *_ = row
            account = update(User).where(col(User.id) == self.user_id)
            connection.execute(account.values(issuer_email=profile.email, issuer_email_at=profile.issued_at))
            try:
                with connection.begin_nested():
                    connection.execute(account.values(**with_computed_columns(User, {"email": profile.email}), updated_at=now))
            except IntegrityError:
                return
            counter = update(UserRevision).where(col(UserRevision.user_id) == self.user_id)
            connection.execute(counter.values(revision=revision + 1, stamped_at=now))

    def _insert_user(self, connection: Connection, profile: ExternalUserProfile) -> bool:
        """Insert the account, without its e-mail if another account has it; return False if the account exists already."""
        for email in dict.fromkeys((profile.email, None)):
            account = {"id": self.user_id, "email": email, "name": profile.name, "is_active": True}
            claims = {"issuer_email": profile.email, "issuer_email_at": profile.issued_at}
            values = with_computed_columns(User, {**account, **claims})
            statement = upsert(User).values(**values, created_at=func.now(), updated_at=func.now())
            if connection.scalar(statement.on_conflict_do_nothing().returning(col(User.id))) is not None:
                return True
        return False


def _has_new_email(account: tuple[Any, ...]) -> bool:
    """Return the last column of the preamble: whether the token changes the e-mail of the account."""
    return bool(account[-1])
