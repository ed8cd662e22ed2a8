"""Execution of SQL on driver connections, with SQLAlchemy's errors."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg2 as driver
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.pool import PoolProxiedConnection

from models.statement_counter import count_statement

Rows = list[tuple[Any, ...]]
Values = Sequence[Any] | Mapping[str, Any]

_DIALECT: Any = PGDialect_psycopg2(dbapi=driver)  # type: ignore[no-untyped-call]


def driver_connection(connection: Connection | PoolProxiedConnection) -> PoolProxiedConnection:
    """Return the pooled driver connection."""
    return connection.connection if isinstance(connection, Connection) else connection


def fetch(connection: PoolProxiedConnection, text: str, values: Values = ()) -> Rows:
    """Execute a statement and return its rows as tuples, without the cost of SQLAlchemy's result objects.

    Raises SQLAlchemy's errors, and invalidates a broken connection as SQLAlchemy does.
    """
    count_statement()
    rows: Rows = _execute(connection, text, values).fetchall()
    return rows


def run(connection: PoolProxiedConnection, text: str, values: Values = ()) -> None:
    """Execute a statement that returns no rows. Raises the errors of `fetch`."""
    count_statement()
    _execute(connection, text, values)


def count_affected(connection: PoolProxiedConnection, text: str, values: Values = ()) -> int:
    """Execute a statement that returns no rows; return the number of rows that it changed. Raises the errors of `fetch`."""
    count_statement()
    affected: int = _execute(connection, text, values).rowcount
    return affected


def commit(connection: PoolProxiedConnection) -> None:
    """Send COMMIT, which is not counted as a statement. Raises the errors of `fetch`."""
    _execute(connection, "COMMIT", ())


def _execute(connection: PoolProxiedConnection, text: str, values: Values) -> Any:
    dbapi_connection = connection.dbapi_connection
    if dbapi_connection is None:
        raise InterfaceError(None, None, driver.InterfaceError("the connection is closed"), hide_parameters=True)
    cursor: Any = dbapi_connection.cursor()
    try:
        cursor.execute(text, values)
    except driver.Error as error:
        raise translate_error(error, connection) from error
    return cursor


def translate_error(error: driver.Error, connection: PoolProxiedConnection | None = None) -> BaseException:
    """Return SQLAlchemy's error for a driver error, and invalidate the connection if it is broken."""
    broken = connection is not None and _DIALECT.is_disconnect(error, connection.dbapi_connection, None)
    if connection is not None and broken:
        connection.invalidate(error)
    translated: BaseException = DBAPIError.instance(
        None, None, error, driver.Error, hide_parameters=True, connection_invalidated=broken, dialect=_DIALECT
    )
    return translated
