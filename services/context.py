"""The one context that guards everything: a user, and the transactions in which that user exists.

Every service needs a UserContext to exist, and no service method takes a user id. The context opens every transaction, and the
first message of that transaction carries the user into the database, where row-level security and composite keys hold even if
a service forgot a filter.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import floor
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session, col

from models.base import Owned, Positioned, Versioned
from models.database import Database, Opening
from models.user import DeletedUser, User, UserRevision
from services.errors import Unauthenticated, Unavailable
from services.reading.engine import read
from services.reading.selection import Level

_ACCOUNT = (
    "SELECT account.is_active, counter.revision, transaction_timestamp() AS now "
    'FROM "user" AS account JOIN user_revision AS counter ON counter.user_id = account.id WHERE account.id = %s'
)
_LOCKED_ACCOUNT = _ACCOUNT + " FOR UPDATE OF counter"

OwnedRow = TypeVar("OwnedRow", bound=Owned)
# The last is what statements meet in a transaction that one of the others has broken.
_AWAY = (OperationalError, InterfaceError, PoolTimeoutError, InternalError)

Row = TypeVar("Row", bound=Versioned)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What a token signed elsewhere says about its user, who gets a row on first use."""

    email: str | None
    name: str | None
    issued_at: datetime | None


@dataclass(slots=True)
class Snapshot:
    """A read transaction: one consistent picture of the user's data, at one revision."""

    user_id: str
    connection: Connection
    revision: int
    now: datetime

    def read(self, level: Level) -> Any:
        """Return the JSON-ready tree that the level describes."""
        with available():
            return read(self.connection, self.user_id, level)


@dataclass(slots=True)
class Transaction(Snapshot):
    """A write transaction. It holds the user's revision counter, so a user's writes happen one after another."""

    session: Session = field(kw_only=True)
    _stamped: bool = False

    def stamp(self) -> int:
        """Take the next revision, once; all that this transaction touches bears it."""
        if not self._stamped:
            self.revision += 1
            self.connection.execute(
                update(UserRevision).where(col(UserRevision.user_id) == self.user_id).values(revision=self.revision)
            )
            self._stamped = True
        return self.revision

    def owned(self, table: type[OwnedRow]) -> Select[OwnedRow]:
        """Begin a query: the user's rows of this table, deleted ones too."""
        return select(table).where(col(table.user_id) == self.user_id)

    def living(self, table: type[Row]) -> Select[Row]:
        """Begin a query: the user's rows of this table that are not deleted."""
        return self.owned(table).where(col(table.deleted_at).is_(None))

    def find(self, table: type[Row], row_id: str) -> Row | None:
        """Return the living row, or None: absent, deleted and another user's are all the same."""
        return self.session.scalars(self.living(table).where(col(table.id) == row_id)).one_or_none()

    def find_all(self, table: type[Row], ids: Sequence[str]) -> dict[str, Row]:
        """Return those of the rows that live, by id."""
        return {row.id: row for row in self.session.scalars(self.living(table).where(col(table.id).in_(ids)))}

    def next_position(self, table: type[Positioned]) -> float:
        """Return the position after all others."""
        highest = self.connection.scalar(select(func.max(col(table.position))).where(col(table.user_id) == self.user_id))
        return float(floor(highest or 0) + 1)

    def add(self, table: type[Row], values: dict[str, Any]) -> Row:
        """Insert a row of the user's, stamped."""
        row = table(
            user_id=self.user_id,
            created_at=self.now,
            updated_at=self.now,
            revision=self.stamp(),
            deleted_at=None,
            **values,
        )
        self.session.add(row)
        return row

    def remove(self, table: type[OwnedRow], *conditions: ColumnElement[bool]) -> None:
        """Delete rows for good, without a tombstone."""
        self.connection.execute(delete(table).where(col(table.user_id) == self.user_id, *conditions))

    def change_all(self, table: type[Row], *conditions: ColumnElement[bool], **values: Any) -> list[str]:
        """Set the values in all rows that fulfil the conditions, stamp them, and return their ids."""
        stamps = {"revision": self.stamp(), "updated_at": self.now}
        statement = update(table).where(col(table.user_id) == self.user_id, *conditions).values(**stamps, **values)
        return list(self.connection.scalars(statement.returning(col(table.id))))

    def change(self, row: Versioned, values: dict[str, Any]) -> bool:
        """Set what differs and stamp the row; a change that changes nothing takes no revision."""
        differing = {name: value for name, value in values.items() if getattr(row, name) != value}
        for name, value in differing.items():
            setattr(row, name, value)
        if differing:
            self.touch(row)
        return bool(differing)

    def touch(self, row: Versioned) -> None:
        """Stamp a row whose representation changes through something else, such as its tags."""
        row.revision, row.updated_at = self.stamp(), self.now


@dataclass(frozen=True, slots=True)
class UserContext:
    """Who is asking. There is no context without a user."""

    user_id: str
    database: Database
    newcomer: Newcomer | None = None

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open a read transaction.

        Raises Unauthenticated where the account is gone or inactive, Unavailable where the database is away.
        """
        with self._open(_ACCOUNT, read_only=True) as (connection, revision, now):
            yield Snapshot(self.user_id, connection, revision, now)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a write transaction: kept when the block ends, undone when it raises. Raises as `snapshot` does."""
        with (
            self._open(_LOCKED_ACCOUNT, read_only=False) as (connection, revision, now),
            Session(bind=connection, expire_on_commit=False) as session,
        ):
            yield Transaction(self.user_id, connection, revision, now, session=session)
            session.flush()

    @contextmanager
    def _open(self, select: str, *, read_only: bool) -> Iterator[tuple[Connection, int, datetime]]:
        opening = Opening({"app.user_id": self.user_id}, select, (self.user_id,), read_only=read_only)
        with available(), ExitStack() as stack:
            connection, account = stack.enter_context(self.database.transaction(opening))
            if account is None and self.newcomer is not None:
                stack.close()
                self._welcome(self.newcomer)
                connection, account = stack.enter_context(self.database.transaction(opening))
            if account is None:
                raise Unauthenticated("This account no longer exists.")
            if not account.is_active:
                raise Unauthenticated("This account is not active.")
            yield connection, account.revision, account.now

    def _welcome(self, newcomer: Newcomer) -> None:
        """Give a user known by another issuer a row, unless the token is older than that account's deletion here."""
        opening = Opening({"app.user_id": self.user_id}, "SELECT transaction_timestamp()", (), read_only=False)
        with available(), self.database.transaction(opening) as (connection, row):
            now: datetime = row[0] if row else datetime.now(UTC)
            gone = connection.scalar(select(col(DeletedUser.deleted_at)).where(col(DeletedUser.user_id) == self.user_id))
            if gone is not None and (newcomer.issued_at is None or newcomer.issued_at <= gone):
                raise Unauthenticated("This account no longer exists.")
            if self._insert(connection, newcomer, now):
                connection.execute(insert(UserRevision).values(user_id=self.user_id, revision=0, purged_revision=0))

    def _insert(self, connection: Connection, newcomer: Newcomer, now: datetime) -> bool:
        """Insert the account, without its e-mail if another account has that; False where it is there already."""
        for email in dict.fromkeys((newcomer.email, None)):
            account = User(id=self.user_id, email=email, name=newcomer.name, created_at=now, updated_at=now)
            statement = upsert(User).values(account.model_dump()).on_conflict_do_nothing().returning(col(User.id))
            if connection.scalar(statement) is not None:
                return True
        return False


@contextmanager
def available() -> Iterator[None]:
    """Let a database that is away, overloaded or too slow look the same at both doors."""
    try:
        yield
    except _AWAY as error:
        raise Unavailable("The database does not answer just now; try again in a moment.") from error
