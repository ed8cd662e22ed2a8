"""Readiness checks: the service starts only on a database that isolates its users.

The fix that the error message suggests is executed, and must be sufficient.
"""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import psycopg2
import pytest

from api.container import open_container
from models.database import make_engine
from models.readiness import NotReadyError, check_readiness
from models.tables import TABLES
from tests.support.api_clients import TLS, RestClient
from tests.support.service import LogCapture, PostgresServer, run_postgres_server, run_service, run_sql, settings_for
from tests.support.users import TestUser


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL server for this module only: roles belong to the whole server, and some are damaged here."""
    with run_postgres_server(tmp_path_factory.mktemp("damaged")) as running:
        yield running


def start_service(database: PostgresServer) -> None:
    with open_container(settings_for(database)):
        pass


def startup_error(database: PostgresServer) -> str:
    with pytest.raises(NotReadyError) as error:
        start_service(database)
    line = str(error.value)
    assert "\n" not in line
    return line


DAMAGE = {
    "ALTER TABLE task DISABLE ROW LEVEL SECURITY": "not enabled and forced on task",
    "ALTER TABLE comment NO FORCE ROW LEVEL SECURITY": "not enabled and forced on comment",
    'ALTER TABLE "user" DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY': "not enabled and forced on user",
    "DROP POLICY owner_only ON tag": "the policy owner_only on tag is missing",
    'DROP POLICY logging_in ON "user"': "the policy logging_in on user is missing",
    'DROP POLICY logging_in_by_key ON "user"': "the policy logging_in_by_key on user is missing",
    "ALTER POLICY owner_only ON task USING (true)": "the policy owner_only on task was changed",
    "ALTER POLICY owner_only ON task_tag WITH CHECK (true)": "the policy owner_only on task_tag was changed",
    'ALTER POLICY logging_in ON "user" USING (email IS NOT NULL)': "the policy logging_in on user was changed",
    "ALTER POLICY owner_only ON tag USING (user_id = nullif(current_setting('app.user', true), ''))": "on tag was changed",
    "ALTER POLICY owner_only ON tag TO postgres": "the policy owner_only on tag was changed",
    """DROP POLICY owner_only ON comment;
       CREATE POLICY owner_only ON comment FOR SELECT
       USING (user_id = nullif(current_setting('app.user_id', true), ''))""": "the policy owner_only on comment was changed",
    'CREATE POLICY "let\'s see" ON task_list FOR SELECT USING (true)': "the policy let's see on task_list is unexpected",
    "CREATE POLICY support ON user_revision TO todo_app USING (true)": "the policy support on user_revision is unexpected",
    "DROP POLICY maintenance ON tag": "the policy maintenance on tag is missing",
    "ALTER POLICY maintenance ON task TO PUBLIC": "the policy maintenance on task was changed",
    "ALTER POLICY maintenance ON task TO todo_maintenance, todo_app": "the policy maintenance on task was changed",
    "ALTER POLICY maintenance ON comment USING (false)": "the policy maintenance on comment was changed",
    "GRANT todo_maintenance TO todo_app": "todo_app is a member of todo_maintenance",
    "CREATE ROLE helper; GRANT todo_maintenance TO helper; GRANT helper TO todo_app": "todo_app is a member of todo_maintenance",
    """CREATE ROLE reporter; GRANT todo_maintenance TO reporter; CREATE VIEW report AS SELECT * FROM task;
       ALTER VIEW report OWNER TO reporter; GRANT SELECT ON report TO todo_app""": "the view report shows rows",
    """CREATE FUNCTION report() RETURNS SETOF task SECURITY DEFINER LANGUAGE sql AS 'TABLE task';
       ALTER FUNCTION report() OWNER TO todo_maintenance""": "report() runs with the rights of todo_maintenance",
    "ALTER TABLE task OWNER TO todo_app": "todo_app owns task",
    """CREATE ROLE clerk; ALTER TABLE tag OWNER TO clerk; GRANT clerk TO todo_app""": "has the rights of clerk, who owns tag",
    "GRANT TRUNCATE ON deleted_user TO todo_app": "todo_app may do more to deleted_user than read and write rows",
    "GRANT ALL ON task TO PUBLIC": "todo_app may do more to task than read and write rows",
    "GRANT CREATE ON SCHEMA public TO PUBLIC": "todo_app may create objects in the schema public",
    "CREATE VIEW all_tasks AS SELECT * FROM task; GRANT SELECT ON all_tasks TO todo_app": "the view all_tasks shows rows",
    """CREATE VIEW titles AS SELECT title FROM task; CREATE VIEW "All titles" AS SELECT * FROM titles;
       GRANT SELECT (title) ON "All titles" TO PUBLIC""": 'the view "All titles" shows rows',
    "CREATE MATERIALIZED VIEW counts AS SELECT count(*) FROM tag; GRANT SELECT ON counts TO todo_app": "the view counts shows",
    "CREATE FUNCTION all_tags() RETURNS SETOF tag SECURITY DEFINER LANGUAGE sql AS 'TABLE tag'": "all_tags() runs with the",
    """CREATE FUNCTION counted() RETURNS bigint SECURITY DEFINER LANGUAGE sql
       BEGIN ATOMIC SELECT count(*) FROM comment; END""": "counted() runs with the rights",
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.items())
def test_startup_fails_if_row_level_security_is_damaged_and_the_error_contains_the_fix(
    database: PostgresServer, damage: str, message: str
) -> None:
    start_service(database)
    run_sql(database.owner, damage)

    line = startup_error(database)
    assert line.startswith("row-level security would not hold: ")
    assert message in line

    run_sql(database.owner, line.partition("As the owner of the database, run: ")[2])
    start_service(database)


LOST_PRIVILEGES = {
    "ALTER TABLE task OWNER TO todo_app; ALTER TABLE task OWNER TO postgres": "todo_app lacks DELETE, INSERT, SELECT",
    "REVOKE INSERT ON comment FROM todo_app": "todo_app lacks INSERT on comment",
    'REVOKE SELECT ON "user" FROM todo_app; GRANT SELECT (id) ON "user" TO todo_app': "todo_app lacks SELECT on user",
    "REVOKE ALL ON tag FROM todo_maintenance": "todo_maintenance lacks DELETE, INSERT, SELECT, UPDATE on tag",
    "REVOKE USAGE ON SCHEMA public FROM todo_app, PUBLIC": "todo_app lacks USAGE on the schema public",
    "REVOKE SELECT ON alembic_version FROM todo_app": "todo_app lacks SELECT on alembic_version",
}


@pytest.mark.parametrize(("damage", "message"), LOST_PRIVILEGES.items())
def test_startup_fails_if_privileges_are_missing_and_the_error_contains_the_fix(
    database: PostgresServer, damage: str, message: str
) -> None:
    run_sql(database.owner, damage)

    line = startup_error(database)
    assert message in line

    run_sql(database.owner, line.partition("As the owner of the database, run: ")[2])
    start_service(database)
    with (
        run_service(settings_for(database), database) as running,
        RestClient(running.url, TestUser.register(running.url).token) as client,
    ):
        client.create("task", title="x")


def test_lost_policies_and_privileges_of_the_maintenance_role_are_reported_together(database: PostgresServer) -> None:
    run_sql(database.owner, "DROP OWNED BY todo_maintenance")

    line = startup_error(database)
    assert "the policy maintenance on task is missing" in line
    assert "privileges are missing: todo_maintenance lacks" in line

    run_sql(database.owner, line.partition("run: ")[2])
    start_service(database)


def test_readiness_failure_details_go_to_the_log_only(database: PostgresServer, log: LogCapture) -> None:
    with run_service(settings_for(database), database) as service:
        assert httpx.get(f"{service.url}/ready", verify=TLS).status_code == 200
        run_sql(database.owner, "ALTER POLICY owner_only ON task USING (true)")

        response = httpx.get(f"{service.url}/ready", verify=TLS)
        assert (response.status_code, response.json()["error_code"]) == (503, "UNAVAILABLE")
        assert "owner_only" not in response.text
        assert any(
            "readiness check failed: row-level security would not hold: the policy owner_only on task" in line
            for line in log.captured
        )


def test_concurrent_readiness_checks_use_one_connection(database: PostgresServer) -> None:
    with (
        run_service(settings_for(database, database_pool_size=2), database) as service,
        ThreadPoolExecutor(8) as pool,
        closing(psycopg2.connect(database.owner)) as other,
    ):
        user = TestUser.register(service.url)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE alembic_version")
        checks = [pool.submit(httpx.get, f"{service.url}/ready", verify=TLS, timeout=30) for _ in range(8)]
        while not run_sql(database.owner, "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            time.sleep(0.01)
        time.sleep(0.5)  # all checks have arrived by then

        with RestClient(service.url, user.token) as client:
            assert client.me()["id"] == user.id

        other.rollback()
        assert [check.result().status_code for check in checks] == [200] * 8


def test_readiness_check_covers_every_table(database: PostgresServer) -> None:
    for table in TABLES:
        name = str(table.__tablename__)
        run_sql(database.owner, f'ALTER TABLE "{name}" DISABLE ROW LEVEL SECURITY; DROP POLICY owner_only ON "{name}"')

        line = startup_error(database)
        assert f"not enabled and forced on {name}; the policy owner_only on {name} is missing." in line

        run_sql(database.owner, line.partition("run: ")[2])
        start_service(database)


@pytest.mark.parametrize("attribute", ["BYPASSRLS", "SUPERUSER"])
def test_startup_fails_if_the_role_bypasses_row_level_security(database: PostgresServer, attribute: str) -> None:
    run_sql(database.owner, f"ALTER ROLE todo_app {attribute}")

    line = startup_error(database)
    assert "the role todo_app is a superuser or has BYPASSRLS" in line

    run_sql(database.owner, line.partition("As a superuser, run: ")[2])
    start_service(database)


def test_harmless_objects_pass_the_readiness_check(database: PostgresServer) -> None:
    """Security invoker views; functions without EXECUTE, or without tables of the service; unrelated tables."""
    for harmless in (
        "CREATE VIEW mine WITH (security_invoker = on) AS SELECT * FROM task; GRANT SELECT ON mine TO todo_app",
        "CREATE VIEW not_granted AS SELECT * FROM task",
        "CREATE VIEW unrelated AS SELECT 1; GRANT SELECT ON unrelated TO todo_app",
        "CREATE FUNCTION revoked() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM task'",
        "REVOKE EXECUTE ON FUNCTION revoked() FROM PUBLIC",
        "CREATE FUNCTION invoked() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM task'",
        "CREATE FUNCTION unrelated() RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT 1'",
        "CREATE TABLE unrelated_table (id int); GRANT ALL ON unrelated_table TO PUBLIC",
    ):
        run_sql(database.owner, harmless)

    start_service(database)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("DROP TABLE task_tag", r"lost tables \(task_tag\): restore them from a backup"),
        ("DROP TABLE alembic_version", "the database is not migrated: run `todo migrate`"),
        ("UPDATE alembic_version SET version_num = '0000'", "the database is at version 0000, this code requires"),
    ],
)
def test_startup_fails_if_the_database_version_differs(database: PostgresServer, damage: str, message: str) -> None:
    run_sql(database.owner, damage)

    assert re.search(message, startup_error(database))


def test_startup_fails_if_the_login_role_cannot_become_todo_app(database: PostgresServer) -> None:
    run_sql(database.owner, "CREATE ROLE unprivileged LOGIN")
    unprivileged = PostgresServer(database.owner, database.owner.replace("postgres:@", "unprivileged:@", 1))

    line = startup_error(unprivileged)
    assert "GRANT todo_app TO unprivileged" in line

    run_sql(database.owner, "GRANT todo_app TO unprivileged")
    start_service(unprivileged)


def test_startup_fails_if_the_database_is_unreachable() -> None:
    engine = make_engine("postgresql://x:secret@127.0.0.1:1/x", pool_size=1)

    with pytest.raises(NotReadyError, match=r"not reachable at 127\.0\.0\.1:1/x") as error:
        check_readiness(engine)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)
