"""User context: the authenticated user of a request, and the transactions that are restricted to this user.

Every service is created with a UserContext, and no service method takes a user id. The context opens every transaction. The
transaction preamble sets the user in the database, where row-level security and composite foreign keys isolate the user's rows
even if a service omits a filter.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlmodel import Session

from models.credentials import ApiToken, Credential, LoginSession
from models.database import ConnectionType, Database, Row, TransactionPreamble
from models.scopes import Scope
from models.sql.execution import Rows, Values, driver_connection
from models.sql.statement import Statement
from services.authorization import EXTERNAL, INVALID_API_TOKEN, Authorization
from services.database_errors import translate_database_errors
from services.errors import Unauthenticated
from services.external_users import ExternalUserProfile, provision_user, take_over_email
from services.query_engine.execution.budget import Budget
from services.query_engine.execution.executor import execute, is_one_statement
from services.query_engine.query_model import QueryNode
from services.rate_limiting.client import RequestQuota
from services.unit_of_work import ReadTransaction, WriteTransaction, require_read_scope

# The clock is read after the lock: transaction_timestamp() would be the time at which the transaction began to wait for it.
_ACCOUNT_SQL = (
    "SELECT account.is_active, counter.revision, greatest(clock_timestamp(), counter.stamped_at) AS now, "
    "{credential} AS credential_is_valid, {new_email} AS has_new_email "
    'FROM "user" AS account JOIN user_revision AS counter ON counter.user_id = account.id WHERE account.id = %(user_id)s'
)
_CREDENTIAL_SQL = (
    "EXISTS (SELECT FROM {table} WHERE user_id = account.id AND id = %(credential_id)s AND expires_at > clock_timestamp())"
)
# Whether an external token changes the e-mail of its account: it is not older than the token that named the last one, nor that
# token itself, whose e-mail another account may have.
_NEW_EMAIL_SQL = (
    "(account.is_active AND account.password_hash IS NULL AND account.email IS DISTINCT FROM %(email)s "
    "AND (account.issuer_email, account.issuer_email_at) IS DISTINCT FROM (%(email)s, %(issued_at)s) "
    "AND coalesce(account.issuer_email_at <= %(issued_at)s, true))"
)
_REVOKED_MESSAGES: Mapping[type[Credential] | None, str] = {
    LoginSession: "The session was revoked or has expired; log in again.",
    ApiToken: INVALID_API_TOKEN,
}
_ACCOUNT: Mapping[type[Credential] | None, Statement] = {
    credential_type: Statement.parse(
        _ACCOUNT_SQL.format(
            credential=_CREDENTIAL_SQL.format(table=credential_type.__tablename__) if credential_type else "true",
            new_email="false",
        )
    )
    for credential_type in (None, LoginSession, ApiToken)
}
_ACCOUNT_WITH_EMAIL = Statement.parse(_ACCOUNT_SQL.format(credential="true", new_email=_NEW_EMAIL_SQL))
# A separate statement, so that the next one sees what was committed while this one waited, such as the revocation of a session.
_LOCK = Statement.parse("SELECT FROM user_revision WHERE user_id = %(user_id)s FOR UPDATE")

_ACCOUNT_COLUMNS = 5
_IS_ROW = -_ACCOUNT_COLUMNS - 1  # index of the column that tells a row of the query from an account without rows
MAX_QUERIES_WITH_ACCOUNT = 2_000

Result = TypeVar("Result")
BeginTransaction = Callable[[TransactionPreamble], AbstractContextManager[tuple[ConnectionType, Row]]]


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
            self._begin(self.database.write, _LOCK) as (connection, revision, now),
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

    def read(self, node: QueryNode[Result]) -> tuple[Result, int]:
        """Return the result of the query node, and the user's revision: in one round trip if the node has one relation level.

        Raises the errors of `read_transaction` and of ReadTransaction.read.
        """
        if not is_one_statement(node):
            with self.read_transaction() as transaction:
                return transaction.read(node), transaction.revision
        self._consume_quota()
        self.budget.start_timer(self.database.statement_timeout_seconds)
        revisions: list[int] = []

        def fetch_rows(query: Statement, values: Values) -> Rows:
            rows, revision = self._fetch_with_account(query, values)
            require_read_scope(self.authorization, node.entity)
            revisions.append(revision)
            return rows

        with translate_database_errors():
            result = execute(fetch_rows, self.user_id, node, self.budget)
        return result, revisions[0]

    def _fetch_with_account(self, query: Statement, values: Values) -> tuple[Rows, int]:
        """Return the rows of a query and the user's revision, from one message."""
        account_query, account_values = self._account_query()
        statements = [_with_account(account_query, query)]
        preamble = TransactionPreamble({"app.user_id": self.user_id}, statements, {**account_values, **values})
        rows = self.database.fetch(preamble)
        account = _account_of(rows)
        if self._is_outdated(account):
            self._update_account(account)
            rows = self.database.fetch(preamble)
            account = _account_of(rows)
        revision, _ = self._check_account(account)
        return rows if rows[0][_IS_ROW] else [], revision

    @contextmanager
    def _begin(
        self, begin: BeginTransaction[ConnectionType], *locks: Statement
    ) -> Iterator[tuple[ConnectionType, int, datetime]]:
        self._consume_quota()
        preamble = self._preamble(*locks)
        with translate_database_errors(), ExitStack() as stack:
            connection, account = stack.enter_context(begin(preamble))
            if self._is_outdated(account):
                stack.close()
                self._update_account(account)
                connection, account = stack.enter_context(begin(preamble))
            revision, now = self._check_account(account)
            yield connection, revision, now

    def _consume_quota(self) -> None:
        if self.request_quota is not None:
            self.request_quota.consume()

    def _check_account(self, account: Row) -> tuple[int, datetime]:
        """Return the revision and the time. Raises Unauthenticated unless account and credential are valid."""
        if account is None:
            raise Unauthenticated("The account was deleted.")
        is_active, revision, now, credential_is_valid, _ = account
        if not is_active:
            raise Unauthenticated("The account is deactivated.")
        if not credential_is_valid:
            raise Unauthenticated(_REVOKED_MESSAGES[self.authorization.credential_type])
        return revision, now

    def _is_outdated(self, account: Row) -> bool:
        """Return whether an external token creates the account or changes its e-mail."""
        return self.external_profile is not None and (account is None or _has_new_email(account))

    def _update_account(self, account: Row) -> None:
        assert self.external_profile is not None  # noqa: S101
        if account is None:
            provision_user(self.database, self.user_id, self.external_profile)
        else:
            self._take_over_email(self.external_profile)

    def _preamble(self, *locks: Statement) -> TransactionPreamble:
        query, values = self._account_query()
        return TransactionPreamble({"app.user_id": self.user_id}, [*locks, query], values)

    def _account_query(self) -> tuple[Statement, dict[str, object]]:
        """Return the query of account and credential, and its values."""
        values: dict[str, object] = {"user_id": self.user_id}
        profile = self.external_profile
        if profile is not None and profile.email is not None:
            return _ACCOUNT_WITH_EMAIL, values | {"email": profile.email, "issued_at": profile.issued_at}
        return _ACCOUNT[self.authorization.credential_type], values | {"credential_id": self.authorization.credential_id}

    def _take_over_email(self, profile: ExternalUserProfile) -> None:
        with self.database.write(self._preamble(_LOCK)) as (connection, row):
            if row is not None and _has_new_email(row):  # else a concurrent request was first
                _, revision, now, *_ = row
                take_over_email(connection, self.user_id, profile, revision + 1, now)


@lru_cache(MAX_QUERIES_WITH_ACCOUNT)
def _with_account(account: Statement, query: Statement) -> Statement:
    """Return a query of both: at least one row if there is an account. The rows keep their order, as there is one account."""
    return Statement.parse(
        f"SELECT result.*, account.* FROM ({account.text}) AS account "  # noqa: S608 - both are compiled statements
        f"LEFT JOIN LATERAL (SELECT result.*, true AS is_row FROM ({query.text}) AS result) AS result ON true"
    )


def _account_of(rows: Rows) -> Row:
    return rows[0][-_ACCOUNT_COLUMNS:] if rows else None


def _has_new_email(account: tuple[Any, ...]) -> bool:
    """Return the last column of the preamble: whether the token changes the e-mail of the account."""
    return bool(account[-1])
