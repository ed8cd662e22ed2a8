"""Maintenance role and data migrations, run by an owner that is neither a superuser nor bypasses row-level security."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from alembic import command
from psycopg2.errors import InsufficientPrivilege
from sqlalchemy import create_engine
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from models import migrate as migrations
from models.database import make_engine, parse_url
from models.migrate import migrate, newest_version
from models.migrations.backfill import BackfillError
from models.postgres_process.binaries import wheel_binaries
from models.readiness import check_readiness
from tests.support.database_owners import empty_database, migrate_to, run_server_with_owners
from tests.support.service import LogCapture, PostgresServer, run_sql
from tests.support.table_rows import ADA, EVE, TABLE_NAMES, dump_user_rows, insert_rows, insert_rows_sql, rows_for_user

PG_DUMP = wheel_binaries() / "pg_dump"
LAST_SCHEMA_ONLY_VERSION = "0003"  # before the maintenance role
TABLES_BEFORE_0006 = [table for table in TABLE_NAMES if table != "account_deletion"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL server with roles of its own, as an operator creates them, and no other migrated database."""
    with run_server_with_owners(tmp_path_factory.mktemp("pg")) as running:
        yield running


@pytest.fixture
def owned(server: PostgresServer) -> tuple[PostgresServer, str]:
    """A migrated database of plain_owner with rows of two users in every table, and the URL of plain_owner."""
    database, url = empty_database(server, "plain_owner")
    migrate(url)
    insert_rows(database, rows_for_user(ADA), rows_for_user(EVE))
    return database, url


def run_as_maintenance(url: str, statement: str) -> list[tuple[object, ...]]:
    """Run a statement as the owner that becomes the maintenance role."""
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE todo_maintenance")
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else [(cursor.rowcount,)]
    finally:
        connection.close()


def test_owner_without_superuser_can_migrate_and_serve(server: PostgresServer) -> None:
    _, url = empty_database(server, "plain_owner")

    assert migrate(url) == (None, newest_version())
    engine = make_engine(url, pool_size=1)
    check_readiness(engine)
    engine.dispose()


@pytest.mark.parametrize("table", TABLE_NAMES)
def test_maintenance_role_reads_and_writes_rows_of_all_users(owned: tuple[PostgresServer, str], table: str) -> None:
    database, url = owned
    (columns, *_) = rows_for_user(ADA)[table]
    column = list(columns)[-1]

    assert run_sql(url, f'SELECT * FROM "{table}"') == [], "the owner itself sees no rows"
    updated = run_as_maintenance(url, f'UPDATE "{table}" SET {column} = {column}')
    assert updated == [(sum(len(dump_user_rows(database, user)[table]) for user in (ADA, EVE)),)]
    run_as_maintenance(url, f'DELETE FROM "{table}"')
    assert not dump_user_rows(database, ADA)[table]
    run_as_maintenance(url, 'DELETE FROM "user"; DELETE FROM deleted_user')
    run_as_maintenance(url, insert_rows_sql(database, rows_for_user(ADA)))
    assert dump_user_rows(database, ADA)[table]


@pytest.mark.parametrize(
    "statement", ["TRUNCATE task", "DROP TABLE task", "ALTER TABLE task DISABLE ROW LEVEL SECURITY", "CREATE TABLE x ()"]
)
def test_maintenance_role_cannot_change_the_schema(owned: tuple[PostgresServer, str], statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        run_as_maintenance(owned[1], statement)


def test_dump_with_the_maintenance_role_contains_the_rows_of_all_users(owned: tuple[PostgresServer, str]) -> None:
    arguments = ["--enable-row-security", "--role=todo_maintenance", "--inserts", owned[1]]
    dump = subprocess.run([PG_DUMP, *arguments], capture_output=True, text=True, check=False)

    assert dump.returncode == 0, dump.stderr
    for table in TABLE_NAMES:
        lines = [line for line in dump.stdout.splitlines() if re.match(rf'INSERT INTO public."?{table}"? ', line)]
        assert all(any(f"'{user}'" in line for line in lines) for user in (ADA, EVE)), table


def test_maintenance_role_cannot_log_in(owned: tuple[PostgresServer, str]) -> None:
    with pytest.raises(psycopg2.OperationalError, match="not permitted to log in"):
        run_sql(owned[1].replace("plain_owner:@", "todo_maintenance:@", 1), "SELECT 1")


def rows_before_0006(user_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the user's rows, without the columns and tables of later migrations."""
    later = {"stamped_at", "email_key", "name_key", "name_sort_key", "title_sort_key", "search_lexemes"}
    return {
        table: [{name: value for name, value in row.items() if name not in later} for row in rows]
        for table, rows in rows_for_user(user_id).items()
        if table in TABLES_BEFORE_0006
    }


def test_migrations_keep_existing_rows_and_log_what_they_block(server: PostgresServer, log: LogCapture) -> None:
    database, url = empty_database(server, "plain_owner")
    migrate_to(url, LAST_SCHEMA_ONLY_VERSION)
    insert_rows(database, rows_before_0006(ADA), rows_before_0006(EVE))
    before = dump_user_rows(database, ADA, TABLES_BEFORE_0006)

    assert migrate(url) == (LAST_SCHEMA_ONLY_VERSION, newest_version())
    assert any("migration 0004 blocks all access to each table for a moment" in line for line in log.captured)
    after = dump_user_rows(database, ADA, TABLES_BEFORE_0006)
    assert {table: len(rows) for table, rows in after.items()} == {table: len(rows) for table, rows in before.items()}
    for table, rows in before.items():
        for old, new in zip(rows, after[table], strict=True):
            old.pop("search_vector", None)  # replaced by search_lexemes
            assert old.items() <= new.items(), table


def test_downgrade_removes_the_policies(owned: tuple[PostgresServer, str]) -> None:
    database, url = owned
    engine = create_engine(parse_url(url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    with engine.begin() as connection:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.downgrade(config, LAST_SCHEMA_ONLY_VERSION)
    assert run_sql(database.owner, "SELECT * FROM pg_policies WHERE policyname = 'maintenance'") == []
    assert migrate(url) == (LAST_SCHEMA_ONLY_VERSION, newest_version())


def test_owner_that_cannot_create_the_role_gets_the_sql(server: PostgresServer) -> None:
    database, url = empty_database(server, "weak_owner")
    with pytest.raises(ProgrammingError, match="as a superuser, run: ") as error:
        migrate(url)

    message = str(error.value.orig).splitlines()[0]
    run_sql(database.owner, message.partition("run: ")[2])
    assert migrate(url)[1] == newest_version()


def test_every_migration_says_what_it_blocks() -> None:
    for script in sorted((Path(migrations.__file__).parent / "migrations" / "versions").glob("[0-9]*.py")):
        if script.stem[:4] > LAST_SCHEMA_ONLY_VERSION:
            assert "\nlocks = " in script.read_text(), script.name


ADD_COLUMN = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "9001", "{newest}"
def upgrade():
    op.add_column("task", sa.Column("shout", sa.Text))
"""
FILL_COLUMN = """
from alembic import op
from sqlalchemy import text
from models.migrations.backfill import Backfill
revision, down_revision = "9002", "9001"
locks = "all access to `task` while it checks for unfilled rows"
def fill(connection, limit):
    rows = connection.execute(
        text("SELECT user_id, id, title FROM task WHERE shout IS NULL {skip} LIMIT :limit FOR UPDATE"), {{"limit": limit}}
    ).all()
    for user_id, id, title in rows:
        connection.execute(
            text("UPDATE task SET shout = :shout WHERE (user_id, id) = (:user_id, cast(:id AS uuid))"),
            {{"shout": title.upper(), "user_id": user_id, "id": str(id)}},
        )
    return len(rows)
backfills = [Backfill(table="task", unfilled="shout IS NULL", fill=fill, batch_size=2)]
def upgrade():
    op.alter_column("task", "shout", nullable=False)
"""


@pytest.fixture
def add_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for further migration scripts, which begin with a script that adds a column."""
    (tmp_path / "9001_add.py").write_text(ADD_COLUMN.format(newest=newest_version()))
    monkeypatch.setattr(migrations, "_VERSION_FOLDERS", [*migrations._VERSION_FOLDERS, tmp_path])
    return tmp_path


def test_backfill_fills_the_rows_of_all_users_and_commits_each_batch(
    owned: tuple[PostgresServer, str], add_scripts: Path
) -> None:
    database, url = owned
    insert_rows(database, rows_for_user("third"))
    (add_scripts / "9002_fill.py").write_text(FILL_COLUMN.format(skip=""))

    assert migrate(url)[1] == "9002"
    rows = run_sql(database.owner, "SELECT title, shout, xmin::text FROM task")
    assert len(rows) == 6
    assert all(shout == title.upper() for title, shout, _ in rows)
    assert len({transaction for *_, transaction in rows}) == 3, "batches of two rows"


def test_backfill_that_leaves_a_row_fails_and_continues_after_a_correction(
    owned: tuple[PostgresServer, str], add_scripts: Path
) -> None:
    database, url = owned
    script = add_scripts / "9002_fill.py"
    script.write_text(FILL_COLUMN.format(skip="AND user_id <> 'eve'"))

    with pytest.raises(BackfillError, match="did not fill all rows of task: shout IS NULL"):
        migrate(url)
    filled = "SELECT user_id, count(shout) FROM task GROUP BY user_id ORDER BY user_id"
    assert run_sql(database.owner, filled) == [("ada", 2), ("eve", 0)]
    assert run_sql(database.owner, "SELECT version_num FROM alembic_version") == [("9001",)]

    script.write_text(FILL_COLUMN.format(skip=""))
    assert migrate(url) == ("9001", "9002")
    assert run_sql(database.owner, filled) == [("ada", 2), ("eve", 2)]


def test_backfill_without_the_maintenance_policy_fails(owned: tuple[PostgresServer, str], add_scripts: Path) -> None:
    """Row-level security hides the rows then, and nothing would be filled."""
    database, url = owned
    run_sql(database.owner, "DROP POLICY maintenance ON task")
    (add_scripts / "9002_fill.py").write_text(FILL_COLUMN.format(skip=""))

    with pytest.raises(BackfillError):
        migrate(url)


LOST_AFTER_RESTORE = [
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM todo_app, todo_maintenance",
    "REVOKE USAGE ON SCHEMA public FROM todo_app, todo_maintenance, PUBLIC",
    "REVOKE INSERT ON task FROM todo_app",
]


@pytest.mark.parametrize("loss", LOST_AFTER_RESTORE)
def test_migrate_grants_again_what_a_restore_has_lost(owned: tuple[PostgresServer, str], loss: str) -> None:
    """A dump without roles and privileges loses them; the database is at the newest version already."""
    database, url = owned
    for statement in (loss, "GRANT plain_owner TO postgres"):
        run_sql(database.owner, statement)

    assert migrate(url) == (newest_version(), newest_version())

    engine = make_engine(database.service, pool_size=1)
    check_readiness(engine)
    engine.dispose()
    assert run_as_maintenance(url, "SELECT count(*) FROM task") == [(4,)]


def test_migrate_by_another_role_than_the_owner_grants_nothing(owned: tuple[PostgresServer, str]) -> None:
    database, _ = owned

    assert migrate(database.service) == (newest_version(), newest_version())
