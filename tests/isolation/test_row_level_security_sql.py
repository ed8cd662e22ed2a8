"""Row-level security in SQL: the role todo_app reads and changes rows of the current user only."""

import pytest
from psycopg2.errors import InsufficientPrivilege
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class
from sqlmodel import SQLModel

from models.database import Database, TransactionPreamble, make_engine
from models.row_level_security.policies import user_policies
from models.sql.statement import Statement
from tests.support.service import PostgresServer, open_app_transaction, run_sql
from tests.support.table_rows import (
    ADA,
    EVE,
    TABLE_NAMES,
    dump_user_rows,
    insert_rows,
    insert_statement,
    owner_column,
    rows_for_user,
)

POLICY_VIOLATION = "new row violates row-level security policy"
# Ids that SQL or psycopg2 must quote, or that resemble another id or an empty one.
UNUSUAL_IDS = ["'", "''", "\\", "\\'; --", "%", "%s", "%(user_id)s", "$1", '"', " ", "ADA", "ada ", "a\u0308da", "null", "\ufeff"]
UNUSUAL_IDS += ["ä" * 64, "👩🏽" * 32]


@pytest.fixture(scope="module")
def filled_database(postgres: PostgresServer) -> PostgresServer:
    """A database with rows of users with usual and unusual ids in every table. No test commits."""
    database = postgres.copy("template_todo")
    insert_rows(database, *(rows_for_user(user_id) for user_id in (ADA, EVE, *UNUSUAL_IDS)))
    return database


def visible_owners(cursor: Cursor, table: str) -> set[str]:
    """Return the owners of the visible rows."""
    cursor.execute(f'SELECT {owner_column(table)} FROM "{table}"')
    return {owner for (owner,) in cursor}


def test_every_table_has_test_rows_and_every_policy_is_declared(filled_database: PostgresServer) -> None:
    tables = run_sql(filled_database.owner, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {name for (name,) in tables} - {"alembic_version"} == set(TABLE_NAMES)
    assert set(rows_for_user(ADA)) == set(TABLE_NAMES), "declare a row of the new table in tests/support/table_rows.py"
    assert all(dump_user_rows(filled_database, ADA).values())
    assert all(dump_user_rows(filled_database, EVE).values())


@pytest.mark.parametrize("table", TABLE_NAMES)
class TestEachTable:
    """Row-level security of each table, for the user EVE."""

    def test_select_returns_own_rows_only(self, filled_database: PostgresServer, table: str) -> None:
        with open_app_transaction(filled_database, user_id=EVE) as cursor:
            assert visible_owners(cursor, table) == {EVE}
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE {owner_column(table)} = %s', (ADA,))
            assert cursor.fetchone() == (0,)

    def test_insert_for_another_user_is_rejected(self, filled_database: PostgresServer, table: str) -> None:
        for row in rows_for_user(ADA, "new")[table]:
            with (
                open_app_transaction(filled_database, user_id=EVE) as cursor,
                pytest.raises(InsufficientPrivilege, match=POLICY_VIOLATION),
            ):
                cursor.execute(*insert_statement(table, row))

    def test_update_and_delete_affect_own_rows_only(self, filled_database: PostgresServer, table: str) -> None:
        owner = owner_column(table)
        for statement in (f'UPDATE "{table}" SET {owner} = {owner}', f'DELETE FROM "{table}"'):
            with open_app_transaction(filled_database, user_id=EVE) as cursor:
                cursor.execute(f"{statement} WHERE {owner} = %s", (ADA,))
                assert cursor.rowcount == 0
                cursor.execute(f"{statement} RETURNING {owner}")
                assert {name for (name,) in cursor} == {EVE}

    def test_owner_of_own_row_cannot_be_changed_to_another_user(self, filled_database: PostgresServer, table: str) -> None:
        for new_owner in (ADA, "unknown"):
            with (
                open_app_transaction(filled_database, user_id=EVE) as cursor,
                pytest.raises(InsufficientPrivilege, match=POLICY_VIOLATION),
            ):
                cursor.execute(f'UPDATE "{table}" SET {owner_column(table)} = %s', (new_owner,))

    def test_table_is_empty_and_read_only_without_a_user(self, filled_database: PostgresServer, table: str) -> None:
        settings_without_user: list[dict[str, str]] = [
            {},
            {"user_id": ""},
            {"user_id": "unknown"},
            {"user_id": "Ada"},
            {"login_email": "x"},
            {"login_email_key": "x"},
        ]
        for settings in settings_without_user:
            with open_app_transaction(filled_database, **settings) as cursor:
                assert visible_owners(cursor, table) == set(), settings
                cursor.execute(f'DELETE FROM "{table}"')
                assert cursor.rowcount == 0
                with pytest.raises(InsufficientPrivilege, match=POLICY_VIOLATION):
                    cursor.execute(*insert_statement(table, rows_for_user(ADA, "new")[table][0]))

    def test_table_is_empty_for_the_login_role(self, filled_database: PostgresServer, table: str) -> None:
        assert run_sql(filled_database.service, f'SELECT count(*) FROM "{table}"') == [(0,)]

    def test_lookup_policies_expose_one_row_and_forbid_writes(self, filled_database: PostgresServer, table: str) -> None:
        for policy in user_policies(SQLModel.metadata.tables[table])[1:]:
            value = str(rows_for_user(ADA)[table][0][policy.column])
            with open_app_transaction(filled_database, **{policy.setting.removeprefix("app."): value}) as cursor:
                for other_table in TABLE_NAMES:
                    assert visible_owners(cursor, other_table) == ({ADA} if other_table == table else set())
                for statement in (f"UPDATE \"{table}\" SET {policy.column} = 'x'", f'DELETE FROM "{table}"'):
                    cursor.execute(statement)
                    assert cursor.rowcount == 0


@pytest.mark.parametrize("user_id", UNUSUAL_IDS, ids=range(len(UNUSUAL_IDS)))
def test_unusual_user_ids_are_distinguished(filled_database: PostgresServer, user_id: str) -> None:
    """Use the service's read and write transactions."""
    engine = make_engine(filled_database.service, pool_size=1)
    database = Database(engine, statement_timeout=5000)
    for begin in (database.read, database.write):
        for table in TABLE_NAMES:
            select = f"SELECT array_agg(DISTINCT {owner_column(table)}), current_setting('app.user_id') FROM \"{table}\""
            with begin(TransactionPreamble({"app.user_id": user_id}, [Statement.parse(select)], {})) as (_, first):
                assert first == ([user_id], user_id)
    engine.dispose()


def test_transactions_use_the_app_role_for_any_login_role(filled_database: PostgresServer) -> None:
    """Policies do not apply to superusers, and a small installation may have only one."""
    for url in (filled_database.service, filled_database.owner):
        engine = make_engine(url, pool_size=1)
        database = Database(engine, statement_timeout=5000)
        for begin in (database.read, database.write):
            select = "SELECT current_user::text, array_agg(DISTINCT user_id) FROM task"
            with begin(TransactionPreamble({"app.user_id": EVE}, [Statement.parse(select)], {})) as (_, first):
                assert first == ("todo_app", [EVE])
        engine.dispose()


def test_connection_resets_its_user_after_commit_rollback_and_error(filled_database: PostgresServer) -> None:
    engine = make_engine(filled_database.service, pool_size=1)
    database = Database(engine, statement_timeout=5000)
    preamble = TransactionPreamble({"app.user_id": EVE}, [Statement.parse("SELECT user_id FROM task")], {})

    def read() -> None:
        with database.read(preamble) as (_, first):
            assert first == (EVE,)

    def write() -> None:
        with database.write(preamble) as (_, first):
            assert first == (EVE,)

    def write_and_fail() -> None:
        with pytest.raises(ZeroDivisionError), database.write(preamble):
            raise ZeroDivisionError

    def fail_in_preamble() -> None:
        with (
            pytest.raises(Exception, match="division by zero"),
            database.write(TransactionPreamble({"app.user_id": EVE}, [Statement.parse("SELECT 1/0")], {})),
        ):
            pass

    backends = set()
    for run in (read, write, write_and_fail, fail_in_preamble, read):
        run()
        with engine.connect() as connection:
            (row,) = connection.exec_driver_sql(
                "SELECT pg_backend_pid(), current_setting('app.user_id', true), current_user = session_user,"
                " current_setting('statement_timeout'), (SELECT count(*) FROM task)"
            )
            backends.add(row[0])
            assert tuple(row[1:]) == ("", True, "0", 0), run
    assert len(backends) == 1
    engine.dispose()
