"""Embedded PostgreSQL server for development; the binaries come with the `embedded` extra."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg2

from models.database import APP_ROLE
from models.postgres_process.cluster import Cluster
from models.postgres_process.errors import EmbeddedPostgresError
from models.postgres_process.locks import ServerLocks
from models.postgres_process.monitor import monitored

SERVICE_ROLE = "todo_service"

# Both names are constants, so no SQL injection is possible.
_CREATE_SERVICE_ROLE_SQL = f"""
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN CREATE ROLE {APP_ROLE} NOLOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{SERVICE_ROLE}') THEN CREATE ROLE {SERVICE_ROLE} LOGIN; END IF;
  GRANT {APP_ROLE} TO {SERVICE_ROLE};
END $$
"""  # noqa: S608


@contextmanager
def embedded_postgres(folder: Path) -> Iterator[tuple[str, str]]:
    """Run PostgreSQL with its data in the folder; yield the URLs of the owner, and of a role that can only become todo_app.

    A server that is already running there (started by another process, or before a crash) is shared, and started again if it is
    killed. The last process that uses it stops it. Raises EmbeddedPostgresError.
    """
    data = folder / "postgres"
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            cluster, locks = Cluster(data), ServerLocks(data)
            stack.enter_context(locks.use(cluster.stop))
            _ensure_running(cluster, locks)
            locks.stop_when_unused()
        except OSError as error:
            cause = "Not a directory" if isinstance(error, FileExistsError) else error.strerror
            raise EmbeddedPostgresError(f"DATA_DIR {folder} cannot be used: {cause}") from error
        stack.enter_context(monitored(cluster, lambda: _ensure_running(cluster, locks)))
        yield cluster.owner_url, cluster.owner_url.replace("postgres:@", f"{SERVICE_ROLE}:@", 1)


def _ensure_running(cluster: Cluster, locks: ServerLocks) -> None:
    """Start the server unless it runs, and create its roles, while no other process does so."""
    with locks.start():
        cluster.ensure_running()
        _create_service_role(cluster.owner_url)


def _create_service_role(owner: str) -> None:
    try:
        with closing(psycopg2.connect(owner)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(_CREATE_SERVICE_ROLE_SQL)
    except psycopg2.Error as error:
        raise EmbeddedPostgresError(f"the embedded PostgreSQL failed: {' '.join(str(error).split())}") from error
