"""Runs SQL on the driver's own cursor, and counts the statements that one request sends, whichever thread sends them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import psycopg2 as driver
from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.pool import PoolProxiedConnection

Rows = list[tuple[Any, ...]]
Values = Sequence[Any] | Mapping[str, Any]

_DIALECT: Any = PGDialect_psycopg2(dbapi=driver)  # type: ignore[no-untyped-call]


@dataclass(slots=True)
class StatementCounter:
    """How many statements so far; the opening message of a transaction is one, COMMIT is none."""

    count: int = 0


_current: ContextVar[StatementCounter | None] = ContextVar("statement_count", default=None)


@contextmanager
def count_statements() -> Iterator[StatementCounter]:
    """Count what is sent in this block, and in the threads that inherit its context."""
    counter = StatementCounter()
    token = _current.set(counter)
    try:
        yield counter
    finally:
        _current.reset(token)


def attach_statement_counter(engine: Engine) -> None:
    """Let the statements be counted that SQLAlchemy sends for this engine."""
    event.listen(engine, "before_cursor_execute", _count)


def driver_connection(connection: Connection | PoolProxiedConnection) -> PoolProxiedConnection:
    """Return the driver's connection, as the pool lends it."""
    return connection.connection if isinstance(connection, Connection) else connection


def fetch(wire: PoolProxiedConnection, text: str, values: Values = ()) -> Rows:
    """Run SQL and return its rows as the driver's tuples: SQLAlchemy's result objects cost more than most rows do.

    Raises SQLAlchemy's errors, and gives up a connection that broke, as SQLAlchemy itself would.
    """
    _count()
    rows: Rows = _execute(wire, text, values).fetchall()
    return rows


def run(wire: PoolProxiedConnection, text: str, values: Values = ()) -> None:
    """Run SQL that brings no rows. Raises as `fetch` does."""
    _count()
    _execute(wire, text, values)


def commit(wire: PoolProxiedConnection) -> None:
    """Say COMMIT; it is not counted. Raises as `fetch` does."""
    _execute(wire, "COMMIT", ())


def _execute(wire: PoolProxiedConnection, text: str, values: Values) -> Any:
    connection = wire.dbapi_connection
    if connection is None:
        raise InterfaceError(None, None, driver.InterfaceError("the connection broke before"), hide_parameters=True)
    cursor: Any = connection.cursor()
    try:
        cursor.execute(text, values)
    except driver.Error as error:
        raise translate_error(error, wire) from error
    return cursor


def translate_error(error: driver.Error, wire: PoolProxiedConnection | None = None) -> BaseException:
    """Return SQLAlchemy's error for one of the driver's; a connection that broke is taken out of the pool."""
    broken = wire is not None and _DIALECT.is_disconnect(error, wire.dbapi_connection, None)
    if wire is not None and broken:
        wire.invalidate(error)
    known: BaseException = DBAPIError.instance(
        None, None, error, driver.Error, hide_parameters=True, connection_invalidated=broken, dialect=_DIALECT
    )
    return known


def _count(*_: Any) -> None:
    counter = _current.get()
    if counter is not None:
        counter.count += 1
