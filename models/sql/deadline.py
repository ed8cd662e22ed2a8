"""Deadline of a transaction: the time by which all its statements must end, together.

PostgreSQL limits each statement. A hundred statements that each stay below that limit could hold the user's lock for minutes.
"""

from time import monotonic
from typing import Any

from psycopg2.extensions import QueryCanceledError
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import PoolProxiedConnection

_INFO_KEY = "deadline"
_IGNORED_SECONDS = 0.05  # quick transactions send no limit but that of their preamble


class Deadline:
    """Time limit of the transaction that is open on a connection."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = monotonic() + seconds

    def limit(self, sql: str) -> str:
        """Return the SQL of a statement, limited to the remaining time. Raises OperationalError after the deadline."""
        remaining = self._ends_at - monotonic()
        if remaining > self._seconds - _IGNORED_SECONDS:
            return sql
        milliseconds = int(remaining * 1000)
        if milliseconds <= 0:
            error = QueryCanceledError("the transaction exceeded its time limit")
            raise OperationalError(None, None, error, hide_parameters=True)
        return f"SET LOCAL statement_timeout = {milliseconds}; {sql}"


def start_deadline(connection: PoolProxiedConnection, seconds: float) -> None:
    """Set the deadline of the transaction that begins on a connection."""
    connection.info[_INFO_KEY] = Deadline(seconds)


def limit_statement(connection: Connection | PoolProxiedConnection, sql: str) -> str:
    """Return the SQL of a statement, limited by the deadline of its transaction, if it has one. Raises OperationalError."""
    deadline: Deadline | None = connection.info.get(_INFO_KEY)
    return sql if deadline is None else deadline.limit(sql)


def limit_statements(engine: Engine) -> None:
    """Limit the statements that SQLAlchemy sends for this engine by the deadlines of their transactions.

    A connection that returns to the pool has no deadline.
    """

    def limit(connection: Connection, _cursor: Any, sql: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        return limit_statement(connection, sql), parameters

    event.listen(engine, "before_cursor_execute", limit, retval=True)
    event.listen(engine, "checkin", lambda _, record: record.info.pop(_INFO_KEY, None))
