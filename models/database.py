"""Database engine, and transactions that begin with a preamble in one round trip.

psycopg2 sends a string of several statements in one round trip. The preamble contains BEGIN, the role, the user and the first
SELECT. The driver is therefore in autocommit mode, and this module sends BEGIN, COMMIT and ROLLBACK itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from time import sleep
from typing import Any, TypeVar

import psycopg2
import psycopg2.extensions as driver
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from models.sql.database_time import time_transaction
from models.sql.deadline import limit_statements, start_deadline
from models.sql.execution import Message, Rows, Values, commit, driver_connection, fetch_alone, fetch_message, translate_error
from models.sql.prepared_statements import Preparation
from models.sql.statement import Statement

APP_ROLE = "todo_app"

Row = tuple[Any, ...] | None
ConnectionType = TypeVar("ConnectionType", Connection, PoolProxiedConnection)

_DIALECT = "postgresql.psycopg2_todo"
_UUID, _UUID_ARRAY = 2950, 2951  # oids, fixed in PostgreSQL's pg_type.dat
# Ids are text everywhere in Python.
_UUID_ARRAY_AS_TEXT = driver.new_array_type((_UUID_ARRAY,), "UUID[]", driver.UNICODE)
_NOTHING_TO_ROLL_BACK = {driver.TRANSACTION_STATUS_IDLE, driver.TRANSACTION_STATUS_UNKNOWN}
_COLD_START_RETRY_SECONDS = 1.0  # a suspended Neon compute starts in about a second

_SETTINGS_SQL = "SET LOCAL ROLE {role}; SET LOCAL TimeZone = 'UTC'; SET LOCAL statement_timeout = {timeout}; "
_BEGIN_READ_SQL = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
_BEGIN_WRITE_SQL = "BEGIN; "


class PreambleDialect(PGDialect_psycopg2):
    """Dialect that sends COMMIT and ROLLBACK as statements: in autocommit mode, the driver does not track transactions."""

    supports_statement_cache = True

    def on_connect(self) -> Callable[[Any], None]:
        """Return a function that puts a new connection into autocommit mode and makes it return UUIDs as text."""
        configure_default = super().on_connect()  # type: ignore[no-untyped-call]

        def configure(connection: Any) -> None:
            connection.autocommit = True
            if configure_default is not None:
                configure_default(connection)
            # The C function: a type from new_type() calls it through Python, which takes twice as long.
            connection.string_types[_UUID] = driver.UNICODE
            driver.register_type(_UUID_ARRAY_AS_TEXT, connection)

        return configure

    def do_commit(self, dbapi_connection: Any) -> None:
        """Send COMMIT; in autocommit mode, commit() of the driver does nothing."""
        with dbapi_connection.cursor() as cursor:
            cursor.execute("COMMIT")

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Send ROLLBACK if a transaction is open; libpq reports that without a round trip."""
        if dbapi_connection.get_transaction_status() not in _NOTHING_TO_ROLL_BACK:
            with dbapi_connection.cursor() as cursor:
                cursor.execute("ROLLBACK")


registry.register(_DIALECT, __name__, PreambleDialect.__name__)


def make_dialect() -> PreambleDialect:
    """Create a dialect for compiling statements without a connection."""
    return PreambleDialect()  # type: ignore[no-untyped-call]


def parse_url(url: str) -> URL:
    """Return the URL with the scheme of PreambleDialect. Its query parameters are passed to libpq.

    Raises ValueError if it is not a PostgreSQL URL.
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
    """Create the engine and its connection pool.

    The pool size should be the number of worker threads, so that no thread waits for a connection. TCP keepalives and the
    recycling time are for servers that drop idle connections, such as a suspended Neon compute.
    """
    engine = create_engine(
        parse_url(url),
        use_native_hstore=False,
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout,
        pool_recycle=240,
        pool_use_lifo=True,  # the connection that was used last has prepared the most statements
        connect_args={
            "connect_timeout": 10,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "application_name": "todo",
        },
    )
    Preparation(engine)  # before the first connection, for it to prepare statements, too
    return engine


@dataclass(frozen=True, slots=True)
class TransactionPreamble:
    """The first statements of a transaction: settings that the row-level security policies read, and queries."""

    settings: Mapping[str, str]
    statements: Sequence[Statement]
    values: Values

    def message(self, sql: str) -> Message:
        """Return the settings after other SQL, with the statements and all values."""
        set_local = "".join(f"SET LOCAL {name} = %({name})s; " for name in self.settings)
        return Message(sql + set_local, self.statements, {**self.settings, **self.values})


class Database:
    """Transactions with the role of the application. All database access of the services uses it.

    Commands that concern all users have another `role`.
    """

    def __init__(self, engine: Engine, *, statement_timeout: int, role: str = APP_ROLE) -> None:
        self.engine = engine
        self._pool_size = engine.pool.size() if isinstance(engine.pool, QueuePool) else 1
        self._statement_timeout = statement_timeout
        self._settings_sql = _SETTINGS_SQL.format(role=role, timeout=statement_timeout)
        limit_statements(engine)

    @property
    def statement_timeout_seconds(self) -> float:
        """Return the statement timeout in seconds, which is also the time limit of all statements of a write transaction."""
        return self._statement_timeout / 1000

    @contextmanager
    def read(self, preamble: TransactionPreamble) -> Iterator[tuple[PoolProxiedConnection, Row]]:
        """Yield a connection in a read-only transaction, and the first row of the preamble's SELECT.

        Raises SQLAlchemy's errors. The pool rolls back a connection that is returned uncommitted.
        """
        message = preamble.message(_BEGIN_READ_SQL + self._settings_sql)
        with time_transaction():
            connection, rows = self._send_first(self._raw_connection, partial(fetch_message, message=message))
            try:
                yield connection, next(iter(rows), None)
                # If COMMIT fails, the rows have been read; the pool rolls back or discards the connection.
                with suppress(DBAPIError):
                    commit(connection)
            finally:
                connection.close()

    @contextmanager
    def write(self, preamble: TransactionPreamble) -> Iterator[tuple[Connection, Row]]:
        """Yield an SQLAlchemy connection in a transaction, and the first row of the preamble's SELECT.

        Commits at the end of the block, and rolls back if the block raises. All statements together, waiting for locks
        included, may take as long as one. Raises SQLAlchemy's errors.
        """
        message = preamble.message(_BEGIN_WRITE_SQL + self._settings_sql)

        def send(pooled: PoolProxiedConnection) -> Rows:
            start_deadline(pooled, self.statement_timeout_seconds)
            return fetch_message(pooled, message)

        with time_transaction():
            connection, rows = self._send_first(self.engine.connect, send)
            with connection:
                connection.begin()  # for SQLAlchemy's state only: the preamble has sent BEGIN
                yield connection, next(iter(rows), None)
                connection.commit()

    def fetch(self, preamble: TransactionPreamble) -> Rows:
        """Return the rows of the preamble's only SELECT, from a transaction of its own, in one round trip."""
        message = preamble.message(self._settings_sql)
        with time_transaction():
            connection, rows = self._send_first(
                self._raw_connection, partial(fetch_alone, message=message, begin_sql=_BEGIN_READ_SQL)
            )
            connection.close()
        return rows

    def _send_first(
        self, connect: Callable[[], ConnectionType], send: Callable[[PoolProxiedConnection], Rows]
    ) -> tuple[ConnectionType, Rows]:
        """Send the first message of a transaction on a connection of the pool.

        Retry if the connection was closed, as all of the pool may be: nothing was executed before.
        """
        for _ in range(self._pool_size):
            try:
                return self._try_to_send(connect, send)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
        return self._try_to_send(connect, send)

    def _try_to_send(
        self, connect: Callable[[], ConnectionType], send: Callable[[PoolProxiedConnection], Rows]
    ) -> tuple[ConnectionType, Rows]:
        connection = self._connect(connect)
        try:
            return connection, send(driver_connection(connection))
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
        """Return a connection from the pool without an SQLAlchemy Connection, which reads do not need."""
        try:
            return self.engine.raw_connection()
        except psycopg2.Error as error:
            raise translate_error(error) from error
