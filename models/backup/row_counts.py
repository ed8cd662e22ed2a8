"""Numbers of rows per table, counted as todo_maintenance."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from models.backup.errors import BackupError
from models.row_level_security.policies import MAINTENANCE_ROLE
from models.tables import TABLES

RowCounts = Mapping[str, int]

VERSION_TABLE = "alembic_version"
_KNOWN_TABLES = [*(str(table.__tablename__) for table in TABLES), VERSION_TABLE]

_EXISTING_SQL = text("""
    SELECT name FROM unnest(cast(:tables AS text[])) AS known (name)
    WHERE to_regclass('public.' || quote_ident(name)) IS NOT NULL
""")
_BECOME_MAINTENANCE = text(f"SET LOCAL ROLE {MAINTENANCE_ROLE}")

# Row-level security hides rows without an error, unless every row passes: then a backup would lack them, and so would the count.
_HIDDEN_SQL = text("""
    SELECT relname
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relname = ANY (:tables) AND relrowsecurity AND (
      NOT EXISTS (
        SELECT FROM pg_policy
        WHERE polrelid = pg_class.oid AND polpermissive AND polcmd IN ('r', '*')
          AND polroles && ARRAY[0, to_regrole(:role)]::oid[] AND pg_get_expr(polqual, polrelid) = 'true')
      OR EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid AND NOT polpermissive))
    ORDER BY relname
""")


def existing_tables(connection: Connection) -> list[str]:
    """Return the tables of the application that exist in the database."""
    return list(connection.execute(_EXISTING_SQL, {"tables": _KNOWN_TABLES}).scalars())


def become_maintenance(connection: Connection) -> None:
    """Become todo_maintenance for the rest of the transaction. Raises BackupError."""
    try:
        connection.execute(_BECOME_MAINTENANCE)
    except DBAPIError as error:
        raise BackupError(
            f"the database user cannot become {MAINTENANCE_ROLE} ({str(error.orig).strip()}): use the owner's URL in "
            "MIGRATION_DATABASE_URL, and run `todo migrate` if the role does not exist"
        ) from error


def check_visibility(connection: Connection, tables: Iterable[str]) -> None:
    """Raise BackupError if row-level security could hide rows from todo_maintenance."""
    hidden = list(connection.execute(_HIDDEN_SQL, {"tables": list(tables), "role": MAINTENANCE_ROLE}).scalars())
    if hidden:
        raise BackupError(
            f"row-level security hides rows of {', '.join(hidden)} from {MAINTENANCE_ROLE}, so a backup would lack them: "
            "run `todo serve`, which prints the policies that are missing, changed or unexpected"
        )


def count_rows(connection: Connection, tables: Iterable[str]) -> dict[str, int]:
    """Return the number of rows in each table, as the current role sees them."""
    counts = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM public.\"{table}\"" for table in tables)  # noqa: S608 - constants
    return {str(table): int(count) for table, count in connection.execute(text(counts))}


def differences(expected: RowCounts, found: RowCounts) -> str:
    """Return the tables whose numbers of rows differ, as text; empty if none does."""
    return ", ".join(
        f"{table} ({found.get(table, 0)} instead of {expected.get(table, 0)})"
        for table in sorted(expected.keys() | found.keys())
        if expected.get(table) != found.get(table)
    )


def describe(counts: RowCounts) -> str:
    """Return the numbers of rows as text."""
    rows = {table: counts.get(table, 0) for table in _KNOWN_TABLES if table != VERSION_TABLE}
    tables = ", ".join(f"{table} {count}" for table, count in rows.items() if count)
    return f"{sum(rows.values())} rows ({tables})" if tables else "no rows"
