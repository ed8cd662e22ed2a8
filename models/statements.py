"""Runs SQL on the driver's own cursor, and counts the statements that one request sends, whichever thread sends them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import psycopg2 as driver
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

Rows = list[tuple[Any, ...]]


@dataclass(slots=True)
class StatementCount:
    """How many statements so far; the opening message of a transaction is one, COMMIT is none."""

    count: int = 0


_current: ContextVar[StatementCount | None] = ContextVar("statement_count", default=None)


@contextmanager
def counting_statements() -> Iterator[StatementCount]:
    """Count what is sent in this block, and in the threads that inherit its context."""
    counter = StatementCount()
    token = _current.set(counter)
    try:
        yield counter
    finally:
        _current.reset(token)


def count_statements_of(engine: Engine) -> None:
    """Let the statements be counted that SQLAlchemy sends for this engine."""
    event.listen(engine, "before_cursor_execute", _count)


def fetch(connection: Connection, text: str, values: Sequence[Any] | Mapping[str, Any]) -> Rows:
    """Run SQL and return its rows as the driver's tuples: SQLAlchemy's result objects cost more than most rows do.

    Raises SQLAlchemy's errors, and gives up a connection that broke, as SQLAlchemy itself would.
    """
    _count()
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute(text, values)
        rows: Rows = cursor.fetchall()
    except driver.Error as error:
        raise _translated(connection, text, error, cursor) from error
    finally:
        cursor.close()
    return rows


def _translated(connection: Connection, text: str, error: driver.Error, cursor: Any) -> BaseException:
    broken = connection.dialect.is_disconnect(error, connection.connection.dbapi_connection, cursor)
    translated: BaseException = DBAPIError.instance(
        text, None, error, driver.Error, hide_parameters=True, connection_invalidated=broken, dialect=connection.dialect
    )
    if broken:
        connection.invalidate(error)
    return translated


def _count(*_: Any) -> None:
    counter = _current.get()
    if counter is not None:
        counter.count += 1
