"""Prepared statements of the pool's connections, so that PostgreSQL plans each statement once for a connection.

psycopg2 does not use the extended protocol, hence the SQL statements PREPARE and EXECUTE. Behind a pooler in transaction mode,
where a connection may use another server process in each transaction, statements are not prepared.
"""

import logging
from collections import OrderedDict
from typing import Any

import psycopg2
from sqlalchemy import Engine, event
from sqlalchemy.pool import PoolProxiedConnection

from models.sql.statement import Statement

MAX_PREPARED = 200  # for each connection; a plan takes some 10 to 100 kB in the server process

_INFO_KEY = "prepared_statements"
# Plans for any values: a plan for the given values would be made anew in the first five executions. All tables have indexes that
# begin with the user's id, so that these plans are right for users with few and with many rows (bench/RESULTS.md).
_CONFIGURE_SQL = "SELECT set_config('plan_cache_mode', 'force_generic_plan', false) WHERE pg_backend_pid() = %s"
_UNKNOWN_OR_DUPLICATE_CODES = {"26000", "42P05"}  # of the statement's name
_RESULT_CHANGED_CODE = "0A000"  # a migration has changed the type of a column

_logger = logging.getLogger("todo.database")


class Preparation:
    """Whether the connections of a pool prepare statements."""

    def __init__(self, engine: Engine) -> None:
        self.is_enabled = True
        event.listen(engine, "connect", self._configure)

    def disable(self) -> None:
        """Prepare no more statements: the server processes change between transactions."""
        if self.is_enabled:
            _logger.warning("Prepared statements disabled: the connections seem to go through a pooler in transaction mode")
        self.is_enabled = False

    def _configure(self, connection: Any, record: Any) -> None:
        """Configure a new connection. If its server process is not the one that it names, a pooler is between them."""
        if not self.is_enabled:
            return
        with connection.cursor() as cursor:
            cursor.execute(_CONFIGURE_SQL, (connection.get_backend_pid(),))
            if cursor.rowcount:
                record.info[_INFO_KEY] = PreparedStatements(self)


class PreparedStatements:
    """Statements that are prepared on one connection; the least recently used one is deallocated."""

    def __init__(self, preparation: Preparation) -> None:
        self.preparation = preparation
        self._names: OrderedDict[str, None] = OrderedDict()

    def contains(self, statement: Statement) -> bool:
        """Return whether the statement is prepared, and record its use."""
        if statement.name not in self._names:
            return False
        self._names.move_to_end(statement.name)
        return True

    def prepare(self, cursor: Any, statement: Statement) -> None:
        """Prepare a statement. Raises the driver's errors."""
        if len(self._names) >= MAX_PREPARED:
            name, _ = self._names.popitem(last=False)
            cursor.execute(f"DEALLOCATE {name}")
        cursor.execute(statement.prepare)
        self._names[statement.name] = None

    def is_stale(self, error: psycopg2.Error) -> bool:
        """Return whether the error means that the connection's statements are not as they were prepared."""
        if error.pgcode in _UNKNOWN_OR_DUPLICATE_CODES:
            self.preparation.disable()
            return True
        return bool(error.pgcode == _RESULT_CHANGED_CODE)


def prepared_statements(connection: PoolProxiedConnection) -> PreparedStatements | None:
    """Return the prepared statements of a connection; None if it does not prepare statements."""
    prepared: PreparedStatements | None = connection.info.get(_INFO_KEY)
    return prepared if prepared is not None and prepared.preparation.is_enabled else None
