"""The engine, and the one message that opens every transaction.

psycopg2 sends a string of several statements in one round trip. So BEGIN, the role, the user and the first SELECT travel
together; for that the driver stays in autocommit and this room says BEGIN, COMMIT and ROLLBACK itself.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import sleep
from typing import Any, TypeVar

import psycopg2
import psycopg2.extensions as driver
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import PoolProxiedConnection

from models.sql import commit, driver_connection, fetch, translate_error

APP_ROLE = "todo_app"

Row = tuple[Any, ...] | None
Message = tuple[str, tuple[str, ...]]
ConnectionType = TypeVar("ConnectionType", Connection, PoolProxiedConnection)

_DIALECT = "postgresql.psycopg2_todo"
_UUID, _UUID_ARRAY = 2950, 2951  # oids, fixed in PostgreSQL's pg_type.dat
# Ids are text everywhere in Python.
_UUID_ARRAY_AS_TEXT = driver.new_array_type((_UUID_ARRAY,), "UUID[]", driver.UNICODE)
_NOTHING_TO_ROLL_BACK = {driver.TRANSACTION_STATUS_IDLE, driver.TRANSACTION_STATUS_UNKNOWN}
_COLD_START_RETRY_SECONDS = 1.0  # seconds; a suspended Neon compute answers after about that long

_SETTINGS_SQL = "SET LOCAL ROLE todo_app; SET LOCAL TimeZone = 'UTC'; SET LOCAL statement_timeout = {timeout}; "
_BEGIN_READ_SQL = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; " + _SETTINGS_SQL
_BEGIN_WRITE_SQL = "BEGIN; " + _SETTINGS_SQL


class PreambleDialect(PGDialect_psycopg2):
    """Ends transactions by words, because a driver in autocommit does not know that one is open."""

    supports_statement_cache = True

    def on_connect(self) -> Callable[[Any], None]:
        """Put each new connection into autocommit, and let it hand out ids as text."""
        prepare = super().on_connect()  # type: ignore[no-untyped-call]

        def prepare_ours(connection: Any) -> None:
            connection.autocommit = True
            if prepare is not None:
                prepare(connection)
            # The C function itself: a type made by new_type() would call it through Python, which takes twice as long.
            connection.string_types[_UUID] = driver.UNICODE
            driver.register_type(_UUID_ARRAY_AS_TEXT, connection)

        return prepare_ours

    def do_commit(self, dbapi_connection: Any) -> None:
        """Send COMMIT. The driver's own commit() would do nothing."""
        with dbapi_connection.cursor() as cursor:
            cursor.execute("COMMIT")

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Send ROLLBACK if a transaction is open; libpq knows that without asking the server."""
        if dbapi_connection.get_transaction_status() not in _NOTHING_TO_ROLL_BACK:
            with dbapi_connection.cursor() as cursor:
                cursor.execute("ROLLBACK")


registry.register(_DIALECT, __name__, PreambleDialect.__name__)


def make_dialect() -> PreambleDialect:
    """Return a dialect to compile statements with, without a connection."""
    return PreambleDialect()  # type: ignore[no-untyped-call]


def parse_url(url: str) -> URL:
    """Return the URL for our dialect, whatever PostgreSQL scheme it was pasted with; its query parameters go to libpq.

    Raises ValueError where it is no PostgreSQL URL.
    """
    scheme, separator, rest = url.strip().partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg2"}:
        msg = "must start with postgresql://"
        raise ValueError(msg)
    try:
        return make_url(f"{_DIALECT.replace('.', '+')}://{rest}")
    except ArgumentError:
        msg = "is not a URL such as postgresql://user:password@host/database"
        raise ValueError(msg) from None


def make_engine(url: str, *, pool_size: int, pool_timeout: float = 5.0) -> Engine:
    """Make the pool. It holds as many connections as there are worker threads, so a thread never waits for one.

    TCP keepalives and the recycling time are for servers that drop idle connections (a suspended Neon compute does).
    """
    return create_engine(
        parse_url(url),
        use_native_hstore=False,
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout,
        pool_recycle=240,
        connect_args={
            "connect_timeout": 10,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "application_name": "todo",
        },
    )


@dataclass(frozen=True, slots=True)
class TransactionPreamble:
    """What a transaction says first: who is asking (settings that the policies read), and its first SELECT."""

    settings: Mapping[str, str]
    select: str
    values: tuple[str, ...]

    def render(self, statement_timeout: int, *, read_only: bool) -> Message:
        """Return the one message, with the values for the driver to quote. The timeout is in milliseconds."""
        begin = (_BEGIN_READ_SQL if read_only else _BEGIN_WRITE_SQL).format(timeout=statement_timeout)
        who = "".join(f"SET LOCAL {name} = %s; " for name in self.settings)
        return begin + who + self.select, (*self.settings.values(), *self.values)


class Database:
    """Opens transactions as the application's role. Nothing else in the service takes a connection."""

    def __init__(self, engine: Engine, *, statement_timeout: int) -> None:
        self.engine = engine
        self._statement_timeout = statement_timeout

    @property
    def statement_timeout_seconds(self) -> float:
        """Return how long a statement may run, in seconds."""
        return self._statement_timeout / 1000

    @contextmanager
    def read(self, opening: TransactionPreamble) -> Iterator[tuple[PoolProxiedConnection, Row]]:
        """Yield a connection inside an open transaction, and the first row that its opening message brought.

        Raises SQLAlchemy's errors. What comes back to the pool uncommitted is rolled back.
        """
        connection, first = self._begin(self._raw_connection, opening.render(self._statement_timeout, read_only=True))
        try:
            yield connection, first
            # What was read was read: where COMMIT fails, the pool rolls back or lets go of the connection.
            with suppress(DBAPIError):
                commit(connection)
        finally:
            connection.close()

    @contextmanager
    def write(self, opening: TransactionPreamble) -> Iterator[tuple[Connection, Row]]:
        """Yield SQLAlchemy's view of a connection inside an open transaction, and the first row that its opening brought.

        Commits at the end, rolls back when the block raises. Raises SQLAlchemy's errors.
        """
        connection, first = self._begin(self.engine.connect, opening.render(self._statement_timeout, read_only=False))
        with connection:
            connection.begin()  # a word to SQLAlchemy alone; the database heard it in the opening message
            yield connection, first
            connection.commit()

    def _begin(self, connect: Callable[[], ConnectionType], message: Message) -> tuple[ConnectionType, Row]:
        """Open a transaction. Nothing has been done yet, so a connection found dead is replaced without harm."""
        try:
            return self._try_begin(connect, message)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._try_begin(connect, message)

    def _try_begin(self, connect: Callable[[], ConnectionType], message: Message) -> tuple[ConnectionType, Row]:
        connection = self._connect(connect)
        try:
            return connection, next(iter(fetch(driver_connection(connection), *message)), None)
        except BaseException:
            connection.close()
            raise

    def _connect(self, connect: Callable[[], ConnectionType]) -> ConnectionType:
        try:
            return connect()
        except OperationalError:
            sleep(_COLD_START_RETRY_SECONDS)
            return connect()

    def _raw_connection(self) -> PoolProxiedConnection:
        """Take a connection from the pool without SQLAlchemy's own around it, which reading has no use for."""
        try:
            return self.engine.raw_connection()
        except psycopg2.Error as error:
            raise translate_error(error) from error
