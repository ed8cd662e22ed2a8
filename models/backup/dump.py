"""Backup of a database into an archive of pg_dump."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2.extensions import make_dsn, parse_dsn
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from models.backup.archive import open_archive
from models.backup.atomic_file import atomic_file
from models.backup.errors import BackupError
from models.backup.programs import find_programs, run_program
from models.backup.row_counts import (
    VERSION_TABLE,
    RowCounts,
    become_maintenance,
    check_visibility,
    count_rows,
    differences,
    existing_tables,
)
from models.database import parse_url
from models.migrate import current_version, is_known_version
from models.row_level_security.policies import MAINTENANCE_ROLE

_OPTIONS = ("--format=custom", "--schema=public", f"--role={MAINTENANCE_ROLE}", "--enable-row-security", "--no-tablespaces")
_NO_TIMEOUTS = text("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
_EXPORT_SNAPSHOT = text("SELECT pg_export_snapshot()")

# Relations of the schema that the migrations did not create; todo_maintenance may not be able to read them.
_OTHER_RELATIONS_SQL = text("""
    SELECT format('public.%I', relname)
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relname <> ALL (:tables)
      AND NOT EXISTS (
        SELECT FROM pg_depend JOIN pg_class AS known ON known.oid = refobjid
        WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype IN ('a', 'i') AND known.relname = ANY (:tables))
    ORDER BY 1
""")


@dataclass(frozen=True, slots=True)
class Backup:
    """Contents of a backup."""

    version: str
    rows: RowCounts
    left_out: tuple[str, ...]


def create_backup(owner_url: str, target: Path, environment: Mapping[str, str], *, overwrite: bool = False) -> Backup:
    """Write all tables into a file, in one snapshot, and return its contents. Nothing but a complete file is left.

    Raises BackupError, sqlalchemy.exc.DBAPIError.
    """
    with atomic_file(target, overwrite=overwrite) as file, _snapshot(owner_url) as connection:
        backup = _describe_source(connection)
        server = server_version(connection)
        snapshot = connection.execute(_EXPORT_SNAPSHOT).scalar_one()
        options = [*_OPTIONS, f"--snapshot={snapshot}", *(f"--exclude-table={name}" for name in backup.left_out)]
        connection_string, password = _split_password(owner_url)
        program = find_programs("pg_dump", server)[0]
        run_program(
            [program, *options, f"--file={file}", f"--dbname={connection_string}"], {**environment, "PGPASSWORD": password}
        )
        difference = differences(backup.rows, open_archive(file, server, environment).count_rows())
        if difference:
            raise BackupError(f"the file does not contain the rows of the database: {difference}")
    return backup


def server_version(connection: Connection) -> int:
    """Return the major version of the server."""
    return int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000


@contextmanager
def _snapshot(owner_url: str) -> Iterator[Connection]:
    url = parse_url(owner_url).set(drivername="postgresql+psycopg2")
    engine = create_engine(url, poolclass=NullPool, isolation_level="REPEATABLE READ")
    with engine.begin() as connection:
        _check_direct(connection)
        connection.execute(_NO_TIMEOUTS)
        yield connection


def _check_direct(connection: Connection) -> None:
    """Raise BackupError behind a pooler, which would give the role of pg_dump's connection to other clients."""
    driver: Any = connection.connection.dbapi_connection
    if driver.get_backend_pid() != connection.execute(text("SELECT pg_backend_pid()")).scalar_one():
        raise BackupError("the URL leads through a connection pooler: use the direct URL in MIGRATION_DATABASE_URL")


def _describe_source(connection: Connection) -> Backup:
    """Return what the database contains. Raises BackupError if todo_maintenance cannot see all of it."""
    tables = existing_tables(connection)
    if VERSION_TABLE not in tables:
        raise BackupError("the database is not migrated, so there is nothing to write")
    become_maintenance(connection)
    check_visibility(connection, tables)
    version = current_version(connection)
    if version is None or not is_known_version(version):
        raise BackupError(f"the database is at version {version}, which this release does not know: use the newer release")
    others = connection.execute(_OTHER_RELATIONS_SQL, {"tables": tables}).scalars()
    return Backup(version, count_rows(connection, tables), tuple(others))


def _split_password(url: str) -> tuple[str, str]:
    """Return the connection string without the password, which other users could read in the list of processes."""
    parameters = parse_dsn(parse_url(url).set(drivername="postgresql").render_as_string(hide_password=False))
    password = parameters.pop("password", "")
    return make_dsn(**parameters), password
