"""Restore of a backup into an empty database."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from models.backup.archive import Archive, open_archive
from models.backup.dump import server_version
from models.backup.errors import BackupError
from models.backup.row_counts import (
    VERSION_TABLE,
    RowCounts,
    become_maintenance,
    check_visibility,
    count_rows,
    describe,
    differences,
    existing_tables,
)
from models.database import parse_url
from models.migrate import create_roles, current_version, is_known_version, locked_transaction
from models.row_level_security.grants import grant_privileges

_SETTINGS = text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10s'")
_DEFAULT_SETTINGS = text("RESET ALL")  # the archive sets an empty search path
_BECOME_OWNER = text("SET LOCAL ROLE NONE")


@dataclass(frozen=True, slots=True)
class Restored:
    """Version and rows of a restored backup, and the rows that were deleted before."""

    version: str
    rows: RowCounts
    deleted: RowCounts


def restore_backup(owner_url: str, source: Path, environment: Mapping[str, str], *, delete_rows: bool = False) -> Restored:
    """Restore a backup in one transaction: after an error, the database is as it was. The caller migrates it afterwards.

    Raises BackupError if the database contains rows that may not be deleted; sqlalchemy.exc.DBAPIError.
    """
    if not source.is_file():
        raise BackupError(f"{source} is not a file")
    engine = create_engine(parse_url(owner_url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    with locked_transaction(engine) as connection:
        connection.execute(_SETTINGS)
        archive = open_archive(source, server_version(connection), environment)
        deleted = _drop_tables(connection, delete_rows=delete_rows)
        create_roles(connection)
        rows = _load(connection, archive)
        grant_privileges(connection, existing_tables(connection))
        version = current_version(connection)
        if version is None or not is_known_version(version):
            raise BackupError(f"{source} is of version {version}, which this release does not know: use the newer release")
    return Restored(version, rows, deleted)


def _drop_tables(connection: Connection, *, delete_rows: bool) -> RowCounts:
    """Drop the existing tables and return the numbers of their rows. Raises BackupError if they may not be deleted."""
    tables = existing_tables(connection)
    if not tables:
        return {}
    counts = _count_existing(connection, tables)
    if any(count for table, count in counts.items() if table != VERSION_TABLE) and not delete_rows:
        raise BackupError(
            f"the database contains {describe(counts)}: restore into an empty database, or add --force, which deletes them all"
        )
    names = ", ".join(f'public."{table}"' for table in tables)
    try:
        connection.execute(text(f"DROP TABLE {names}"))  # without CASCADE: views of others are not dropped
    except DBAPIError as error:
        raise BackupError(f"the existing tables cannot be dropped: {' '.join(str(error.orig).split())}") from error
    return counts


def _count_existing(connection: Connection, tables: Sequence[str]) -> RowCounts:
    try:
        become_maintenance(connection)
        check_visibility(connection, tables)
    except BackupError as error:
        raise BackupError(
            f"the rows of the existing tables cannot be counted; restore into an empty database. {error}"
        ) from error
    counts = count_rows(connection, tables)
    connection.execute(_BECOME_OWNER)
    return counts


def _load(connection: Connection, archive: Archive) -> RowCounts:
    """Create the tables, load their rows, count them, and create indexes, foreign keys and policies.

    Row-level security is enabled last; until then the owner sees and writes all rows.
    """
    driver: Any = connection.connection.dbapi_connection
    try:
        with driver.cursor() as cursor, closing(archive.tables()) as tables:
            cursor.execute(archive.schema_sql("pre-data"))
            rows = {}
            for table in tables:
                cursor.copy_expert(table.statement, table)
                rows[table.table] = table.count
            difference = differences(rows, count_rows(connection, rows))
            if difference:
                raise BackupError(f"the database does not contain the rows of {archive.path}: {difference}")
            cursor.execute(archive.schema_sql("post-data"))
    except psycopg2.Error as error:
        raise BackupError(f"{archive.path} cannot be restored: {str(error).partition(chr(10))[0]}") from error
    if VERSION_TABLE not in rows:
        raise BackupError(f"{archive.path} is not a backup of this service: it has no table {VERSION_TABLE}")
    connection.execute(_DEFAULT_SETTINGS)
    return rows
