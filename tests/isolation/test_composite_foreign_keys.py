"""Composite foreign keys reject references between users, even without row-level security.

The foreign keys are read from the database catalog, so new ones are included.
"""

from collections.abc import Iterator
from typing import NamedTuple

import psycopg2
import pytest
from psycopg2.errors import ForeignKeyViolation
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

from tests.support.service import PostgresServer, run_sql
from tests.support.table_rows import (
    ADA,
    EVE,
    TABLE_NAMES,
    dump_user_rows,
    insert_rows,
    insert_statement,
    owner_column,
    row_id,
    rows_for_user,
)

_COLUMNS = """
    ARRAY(SELECT attname::text FROM unnest({numbers}) WITH ORDINALITY AS part (number, position)
          JOIN pg_attribute ON attrelid = {table} AND attnum = number ORDER BY position)"""
_REFERENCES = f"""
    SELECT conname, child.relname, {_COLUMNS.format(numbers="conkey", table="conrelid")},
           parent.relname, {_COLUMNS.format(numbers="confkey", table="confrelid")}
    FROM pg_constraint JOIN pg_class AS child ON child.oid = conrelid JOIN pg_class AS parent ON parent.oid = confrelid
    WHERE contype = 'f' ORDER BY 2, 1"""
_IDS = """
    SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND atttypid = 'uuid'::regtype AND attname <> 'id'"""


class ForeignKey(NamedTuple):
    """A foreign key of the catalog."""

    name: str
    child: str
    columns: tuple[str, ...]
    parent: str
    targets: tuple[str, ...]

    @property
    def is_ownership(self) -> bool:
        """Return whether it references the owner only."""
        return self.parent == "user"


@pytest.fixture
def database_without_policies(database: PostgresServer) -> PostgresServer:
    """A database without row-level security, with rows of two users."""
    for table in TABLE_NAMES:
        run_sql(database.owner, f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY')
    insert_rows(database, rows_for_user(ADA, "ada's"), rows_for_user(EVE, "eve's"))
    return database


@pytest.fixture
def cursor(database_without_policies: PostgresServer) -> Iterator[Cursor]:
    """A cursor with the role of the service, without a user."""
    connection = psycopg2.connect(database_without_policies.service)
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE todo_app")
        yield cursor
    connection.close()


@pytest.fixture
def foreign_keys(database_without_policies: PostgresServer) -> list[ForeignKey]:
    return [
        ForeignKey(name, child, tuple(columns), parent, tuple(targets))
        for name, child, columns, parent, targets in run_sql(database_without_policies.owner, _REFERENCES)
    ]


def violated_foreign_key(cursor: Cursor, statement: str, values: list[object]) -> str | None:
    """Return table and name of the foreign key that rejects the statement; None if it succeeds."""
    cursor.execute("SAVEPOINT before")
    try:
        cursor.execute(statement, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except ForeignKeyViolation as error:
        return f"{error.diag.table_name} {error.diag.constraint_name}"
    else:
        assert cursor.rowcount != 0, "the statement succeeded without changing a row"
        return None
    finally:
        cursor.execute("ROLLBACK TO before")


def foreign_reference(foreign_key: ForeignKey) -> dict[str, object]:
    """Return columns that reference another user's row or, for an ownership key, an unknown account."""
    if foreign_key.is_ownership:
        return {foreign_key.columns[0]: "unknown"}
    victim_row = rows_for_user(ADA, "ada's")[foreign_key.parent][0]
    return {column: victim_row[target] for column, target in zip(foreign_key.columns[1:], foreign_key.targets[1:], strict=True)}


def test_row_level_security_is_disabled_for_these_tests(cursor: Cursor) -> None:
    for table in TABLE_NAMES:
        cursor.execute(f'SELECT {owner_column(table)} FROM "{table}"')
        assert {owner for (owner,) in cursor} == {ADA, EVE}, table


def test_every_foreign_key_starts_with_the_owner_column(
    foreign_keys: list[ForeignKey], database_without_policies: PostgresServer
) -> None:
    for foreign_key in foreign_keys:
        assert foreign_key.columns[0] == owner_column(foreign_key.child), foreign_key
        assert foreign_key.targets[0] == owner_column(foreign_key.parent), foreign_key
    # Every id column is a reference. Account ids are text, so only owner columns refer to them.
    assert set(run_sql(database_without_policies.owner, _IDS)) == {
        (foreign_key.child, foreign_key.columns[1]) for foreign_key in foreign_keys if not foreign_key.is_ownership
    }
    owners = {foreign_key.child for foreign_key in foreign_keys if foreign_key.is_ownership}
    assert owners == set(TABLE_NAMES) - {"user", "deleted_user"}


def test_insert_cannot_reference_rows_of_another_user(foreign_keys: list[ForeignKey], cursor: Cursor) -> None:
    for foreign_key in foreign_keys:
        row = rows_for_user(EVE, "eve's")[foreign_key.child][0]
        new = {"id": row_id("new", "")} if "id" in row else {}
        violated = violated_foreign_key(
            cursor, *insert_statement(foreign_key.child, {**row, **new, **foreign_reference(foreign_key)})
        )

        # An unknown owner has no lists or tasks, so any of the row's foreign keys may fail first.
        assert violated == f"{foreign_key.child} {foreign_key.name}" or (foreign_key.is_ownership and violated), foreign_key


def test_update_cannot_reference_rows_of_another_user(foreign_keys: list[ForeignKey], cursor: Cursor) -> None:
    for foreign_key in foreign_keys:
        changes = foreign_reference(foreign_key)
        assignments = ", ".join(f"{column} = %s" for column in changes)
        one_own_row = f'ctid = (SELECT min(ctid) FROM "{foreign_key.child}" WHERE {owner_column(foreign_key.child)} = %s)'
        statement = f'UPDATE "{foreign_key.child}" SET {assignments} WHERE {one_own_row}'

        assert violated_foreign_key(cursor, statement, [*changes.values(), EVE]), foreign_key


def test_referenced_row_cannot_change_its_owner(foreign_keys: list[ForeignKey], cursor: Cursor) -> None:
    for foreign_key in foreign_keys:
        has_reference = " AND ".join(f"{column} IS NOT NULL" for column in foreign_key.columns)
        cursor.execute(
            f'SELECT FROM "{foreign_key.child}" WHERE {owner_column(foreign_key.child)} = %s AND {has_reference}', [ADA]
        )
        assert cursor.rowcount > 0, f"no test row uses {foreign_key}"

        owner = owner_column(foreign_key.parent)
        new_owner = "unknown" if foreign_key.is_ownership else EVE
        assert violated_foreign_key(
            cursor, f'UPDATE "{foreign_key.parent}" SET {owner} = %s WHERE {owner} = %s', [new_owner, ADA]
        ), foreign_key


def test_deleting_rows_keeps_rows_of_other_users_with_the_same_ids(database: PostgresServer) -> None:
    insert_rows(database, rows_for_user(ADA), rows_for_user(EVE))
    before = dump_user_rows(database, EVE)
    assert all(before.values()), before

    for table in reversed(TABLE_NAMES):
        rows_to_delete = dump_user_rows(database, ADA)[table]
        run_sql(database.owner, f'DELETE FROM "{table}" WHERE {owner_column(table)} = %s', ADA)
        assert rows_to_delete
        assert dump_user_rows(database, EVE) == before, table
        run_sql(database.owner, 'DELETE FROM "user" WHERE id = %s; DELETE FROM deleted_user WHERE user_id = %s', ADA, ADA)
        assert dump_user_rows(database, EVE) == before, table
        insert_rows(database, rows_for_user(ADA))
