"""Execution of SQL on driver connections, with SQLAlchemy's errors."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import psycopg2 as driver
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.pool import PoolProxiedConnection

from models.sql.deadline import limit_statement
from models.sql.prepared_statements import prepared_statements
from models.sql.statement import Statement
from models.sql.statement_counter import count_statement

Rows = list[tuple[Any, ...]]
Values = Mapping[str, Any]

_DIALECT: Any = PGDialect_psycopg2(dbapi=driver)  # type: ignore[no-untyped-call]


class Message(NamedTuple):
    """SQL with placeholders that begins a transaction, and the statements that follow in the same round trip."""

    sql: str
    statements: Sequence[Statement]
    values: Values


class StaleStatementError(DBAPIError):
    """The connection's prepared statements were not valid; it is closed. The transaction can be executed again."""


def driver_connection(connection: Connection | PoolProxiedConnection) -> PoolProxiedConnection:
    """Return the pooled driver connection."""
    return connection.connection if isinstance(connection, Connection) else connection


def fetch(connection: PoolProxiedConnection, statement: Statement, values: Values) -> Rows:
    """Execute a statement and return its rows as tuples, without the cost of SQLAlchemy's result objects.

    Raises SQLAlchemy's errors, and invalidates a broken connection as SQLAlchemy does; StaleStatementError.
    """
    count_statement()
    rows: Rows = _execute_statement(connection, statement, values).fetchall()
    return rows


def run(connection: PoolProxiedConnection, statement: Statement, values: Values) -> None:
    """Execute a statement that returns no rows. Raises the errors of `fetch`."""
    count_statement()
    _execute_statement(connection, statement, values)


def count_affected(connection: PoolProxiedConnection, statement: Statement, values: Values) -> int:
    """Execute a statement that returns no rows; return the number of rows that it changed. Raises the errors of `fetch`."""
    count_statement()
    affected: int = _execute_statement(connection, statement, values).rowcount
    return affected


def fetch_message(connection: PoolProxiedConnection, message: Message) -> Rows:
    """Execute the statements of a message and return the rows of the last one, if any. Raises the errors of `fetch`.

    This is one round trip, unless statements must be prepared first: for that, the role must be set.
    """
    count_statement()
    prepared = prepared_statements(connection)
    if _is_preparation_needed(connection, message):
        cursor = _execute(connection, message.sql, message.values)
        for statement in message.statements:
            cursor = _execute_statement(connection, statement, message.values)
    else:
        texts = [statement.execute if prepared else statement.text for statement in message.statements]
        cursor = _execute(connection, message.sql + "; ".join(texts), message.values)
    rows: Rows = cursor.fetchall() if cursor.description else []
    return rows


def fetch_alone(connection: PoolProxiedConnection, message: Message, begin_sql: str) -> Rows:
    """Execute a message in a transaction of its own and return the rows of its last statement. Raises the errors of `fetch`.

    PostgreSQL executes the statements of one message in one transaction, without BEGIN and COMMIT. They are sent only if
    statements must be prepared first.
    """
    if not _is_preparation_needed(connection, message):
        return fetch_message(connection, message)
    rows = fetch_message(connection, message._replace(sql=begin_sql + message.sql))
    commit(connection)
    return rows


def _is_preparation_needed(connection: PoolProxiedConnection, message: Message) -> bool:
    prepared = prepared_statements(connection)
    return prepared is not None and not all(prepared.contains(statement) for statement in message.statements)


def commit(connection: PoolProxiedConnection) -> None:
    """Send COMMIT of a read, which is not counted as a statement. Raises the errors of `fetch`."""
    _execute(connection, "COMMIT")


def _execute_statement(connection: PoolProxiedConnection, statement: Statement, values: Values) -> Any:
    prepared = prepared_statements(connection)
    if prepared is None:
        return _execute(connection, statement.text, values)
    if not prepared.contains(statement):
        try:
            prepared.prepare(_open_cursor(connection), statement)
        except driver.Error as error:
            raise translate_error(error, connection) from error
    return _execute(connection, statement.execute, values)


def _execute(connection: PoolProxiedConnection, text: str, values: Values | None = None) -> Any:
    cursor = _open_cursor(connection)
    limited = limit_statement(connection, text)
    try:
        cursor.execute(limited, values)
    except driver.Error as error:
        raise translate_error(error, connection) from error
    return cursor


def _open_cursor(connection: PoolProxiedConnection) -> Any:
    dbapi_connection = connection.dbapi_connection
    if dbapi_connection is None:
        raise InterfaceError(None, None, driver.InterfaceError("the connection is closed"), hide_parameters=True)
    return dbapi_connection.cursor()


def translate_error(error: driver.Error, connection: PoolProxiedConnection | None = None) -> BaseException:
    """Return SQLAlchemy's error for a driver error, and invalidate the connection if it cannot be used any more."""
    prepared = connection and prepared_statements(connection)
    if connection and prepared and prepared.is_stale(error):
        connection.invalidate(error)
        return StaleStatementError(None, None, error, hide_parameters=True, connection_invalidated=True)
    broken = connection is not None and _DIALECT.is_disconnect(error, connection.dbapi_connection, None)
    if connection is not None and broken:
        connection.invalidate(error)
    translated: BaseException = DBAPIError.instance(
        None, None, error, driver.Error, hide_parameters=True, connection_invalidated=broken, dialect=_DIALECT
    )
    return translated
