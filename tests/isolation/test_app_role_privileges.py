"""Privileges of the role todo_app: reading and writing rows, and nothing else.

This limits an attacker who can execute SQL, which the service does not allow.
"""

from io import StringIO

import psycopg2
import pytest
from psycopg2.errors import FeatureNotSupported, InsufficientPrivilege

from tests.support.service import PostgresServer, open_app_transaction, run_sql
from tests.support.table_rows import ADA, EVE, TABLE_NAMES, insert_rows, insert_statement, owner_column, rows_for_user


@pytest.fixture(scope="module")
def filled_database(postgres: PostgresServer) -> PostgresServer:
    """A database with rows of two users in every table, and with planner statistics."""
    database = postgres.copy("template_todo")
    insert_rows(database, rows_for_user(ADA, "ada's"), rows_for_user(EVE, "eve's"))
    run_sql(database.owner, "ANALYZE")
    return database


TABLE_STATEMENTS = [
    'TRUNCATE "{table}"',
    'TRUNCATE "{table}" CASCADE',
    'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY',
    'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY',
    'ALTER TABLE "{table}" OWNER TO todo_app',
    'CREATE POLICY open ON "{table}" USING (true)',
    'ALTER POLICY owner_only ON "{table}" USING (true)',
    'DROP POLICY owner_only ON "{table}"',
    'CREATE TRIGGER spy BEFORE INSERT ON "{table}" FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'CREATE RULE spy AS ON INSERT TO "{table}" DO ALSO NOTIFY spy',
    'CREATE INDEX spy ON "{table}" ((1))',
    'DROP TABLE "{table}"',
    'SET LOCAL row_security = off; SELECT * FROM "{table}"',
    "SELECT set_config('row_security', 'off', true); SELECT * FROM \"{table}\"",
    "COPY \"{table}\" TO '/dev/null'",
    "COPY \"{table}\" TO PROGRAM 'true'",
    "COPY \"{table}\" FROM PROGRAM 'true'",
]
OTHER_STATEMENTS = [
    "SET ROLE postgres",
    "RESET ROLE; SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "ALTER ROLE todo_app BYPASSRLS",
    "ALTER ROLE todo_service SET row_security = off",
    "CREATE ROLE accomplice",
    "GRANT postgres TO todo_app",
    "GRANT pg_read_all_data TO todo_app",
    "SET LOCAL session_replication_role = replica",  # it would disable foreign keys
    "CREATE SCHEMA mine",
    "CREATE TABLE public.mine (id int)",
    "CREATE VIEW public.mine AS SELECT 1",
    "CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.mine() RETURNS int SECURITY DEFINER LANGUAGE c AS 'libc', 'system'",
    "UPDATE alembic_version SET version_num = '0000'",
    "SELECT * FROM pg_statistic",
    "SELECT * FROM pg_statistic_ext_data",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_largeobject",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT pg_create_logical_replication_slot('spy', 'pgoutput')",
]


@pytest.mark.parametrize("table", TABLE_NAMES)
@pytest.mark.parametrize("statement", TABLE_STATEMENTS)
def test_app_role_cannot_bypass_table_policies(filled_database: PostgresServer, statement: str, table: str) -> None:
    with open_app_transaction(filled_database, user_id=EVE) as cursor, pytest.raises(InsufficientPrivilege):
        cursor.execute(statement.format(table=table))


@pytest.mark.parametrize("statement", OTHER_STATEMENTS)
def test_app_role_cannot_gain_privileges(filled_database: PostgresServer, statement: str) -> None:
    with open_app_transaction(filled_database, user_id=EVE) as cursor, pytest.raises(InsufficientPrivilege):
        cursor.execute(statement)


@pytest.mark.parametrize("table", TABLE_NAMES)
def test_copy_is_limited_to_own_rows(filled_database: PostgresServer, table: str) -> None:
    with open_app_transaction(filled_database, user_id=EVE) as cursor:
        cursor.copy_expert(f'COPY "{table}" ({owner_column(table)}) TO STDOUT', output := StringIO())
        assert set(output.getvalue().split()) == {EVE}
    with (
        open_app_transaction(filled_database, user_id=EVE) as cursor,
        pytest.raises(FeatureNotSupported, match="row-level security"),
    ):
        cursor.copy_expert(f'COPY "{table}" ({owner_column(table)}) FROM STDIN', StringIO("mallory\n"))


@pytest.mark.parametrize(
    "switch_role", ["RESET ROLE", "SET ROLE NONE", "SET SESSION AUTHORIZATION DEFAULT", "SET ROLE todo_service"]
)
def test_login_role_has_no_more_rights_than_the_app_role(filled_database: PostgresServer, switch_role: str) -> None:
    for table in TABLE_NAMES:
        with open_app_transaction(filled_database, user_id=EVE) as cursor:
            cursor.execute(f'{switch_role}; SELECT current_user, {owner_column(table)} FROM "{table}"')
            assert set(cursor.fetchall()) == {("todo_service", EVE)}
            with pytest.raises(InsufficientPrivilege):
                cursor.execute(f'TRUNCATE "{table}"')


def test_statistics_are_hidden_from_the_app_role(filled_database: PostgresServer) -> None:
    """Most common values and histograms contain values of all users."""
    visible_statistics = "SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = 'public'"
    assert {name for (name,) in run_sql(filled_database.owner, visible_statistics)} >= {*TABLE_NAMES, "alembic_version"}

    for switch_role in ("", "RESET ROLE; "):
        with open_app_transaction(filled_database, user_id=EVE) as cursor:
            cursor.execute(switch_role + visible_statistics)
            assert cursor.fetchall() == [("alembic_version",)]


def test_statements_of_other_connections_are_hidden(filled_database: PostgresServer) -> None:
    """Statements contain values of other users."""
    with (
        open_app_transaction(filled_database, user_id=ADA) as other,
        open_app_transaction(filled_database, user_id=EVE) as cursor,
    ):
        other.execute("SELECT pg_backend_pid(), 'a secret'")
        (pid, _) = other.fetchone() or (None, None)
        cursor.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", (pid,))
        assert cursor.fetchall() == [("<insufficient privilege>",)]
        cursor.execute("SELECT pg_stat_get_backend_activity(backend) FROM pg_stat_get_backend_idset() AS backend")
        assert "a secret" not in str(cursor.fetchall())


def test_errors_do_not_reveal_invisible_rows(filled_database: PostgresServer) -> None:
    """Inserting another user's row fails with the same error whether that row exists or not."""
    for table in TABLE_NAMES:
        messages = set()
        for salt in ("ada's", "unknown"):
            insert = insert_statement(table, rows_for_user(ADA, salt)[table][0])
            with open_app_transaction(filled_database, user_id=EVE) as cursor, pytest.raises(psycopg2.Error) as error:
                cursor.execute(*insert)
            messages.add(str(error.value))
        assert len(messages) == 1, messages
