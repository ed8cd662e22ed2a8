"""Concurrent users behind PgBouncer in transaction mode."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

import psycopg2
import pytest

from models.migrate import newest_version
from tests.support.api_clients import expect_error
from tests.support.concurrent_users import ACTIONS, ConcurrentUser, run_concurrently
from tests.support.pgbouncer import run_pgbouncer
from tests.support.service import PostgresServer, run_command, run_service, run_sql, settings_for

USERS = 5
_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'todo_service'"
_WAITING = f"SELECT count(*) FROM ({_BACKENDS} AND wait_event_type = 'Lock') AS waiting"
_KILL = f"SELECT pg_terminate_backend(pid) FROM ({_BACKENDS}) AS backend"
_SESSION_STATE = """
    SELECT pg_backend_pid(), current_user::text, coalesce(current_setting('app.user_id', true), ''),
           coalesce(current_setting('app.login_email', true), ''), coalesce(current_setting('app.login_email_key', true), ''),
           coalesce(current_setting('app.secret_hash', true), ''),
           current_setting('statement_timeout'), current_setting('transaction_read_only'),
           current_setting('transaction_isolation'), (SELECT count(*) FROM task)"""
_INITIAL_STATE = ("todo_service", "", "", "", "", "0", "off", "read committed", 0)


@pytest.fixture(params=[1, 2])
def size(request: pytest.FixtureRequest) -> int:
    """The number of server connections."""
    return int(request.param)


@pytest.fixture
def pooled(database: PostgresServer, size: int) -> Iterator[PostgresServer]:
    """A database behind PgBouncer."""
    with run_pgbouncer(database, size=size) as pooled:
        yield pooled


@contextmanager
def run_users(database: PostgresServer, **settings: object) -> Iterator[list[ConcurrentUser]]:
    """Run the service with several users."""
    with run_service(settings_for(database, **settings), database) as service, ExitStack() as stack:
        yield [stack.enter_context(closing(ConcurrentUser(service.url, number))) for number in range(USERS)]


def check_no_session_state_remains(direct: PostgresServer, pooled: PostgresServer, size: int) -> None:
    """Check every server connection through the pooler: each open transaction holds one of them."""
    with ExitStack() as stack:
        rows = []
        for _ in range(size):
            connection = stack.enter_context(closing(psycopg2.connect(pooled.service)))
            with connection.cursor() as cursor:
                cursor.execute(_SESSION_STATE)
                rows += cursor.fetchall()
        # A terminated backend may take a moment to disappear.
        deadline = time.monotonic() + 10
        while {row[0] for row in rows} != {pid for (pid,) in run_sql(direct.owner, _BACKENDS)}:
            assert time.monotonic() < deadline, "some connections were not checked"
            time.sleep(0.01)
        assert len(rows) == size
    assert {row[1:] for row in rows} == {_INITIAL_STATE}


def wait_for_connections(pooled: PostgresServer, size: int) -> None:
    """Wait until the pooler has replaced its terminated connections; before, it may still assign them to clients."""
    deadline = time.monotonic() + 10
    while True:
        try:
            with ExitStack() as stack:
                for _ in range(size):
                    connection = stack.enter_context(closing(psycopg2.connect(pooled.service)))
                    connection.cursor().execute("SELECT 1")
        except psycopg2.OperationalError:
            assert time.monotonic() < deadline, "no connection is available"
        else:
            return


def test_concurrent_users_share_pooled_connections_without_leaks(
    database: PostgresServer, pooled: PostgresServer, size: int
) -> None:
    with run_users(pooled) as users:
        assert run_concurrently(users, seed=size) == []

        check_no_session_state_remains(database, pooled, size)


def test_concurrent_users_share_one_direct_connection(database: PostgresServer) -> None:
    with run_users(database, database_pool_size=1) as users:
        assert run_concurrently(users, seed=0) == []

        assert len(run_sql(database.owner, _BACKENDS)) == 1


def test_concurrent_users_survive_killed_connections(database: PostgresServer, pooled: PostgresServer, size: int) -> None:
    with run_users(pooled) as users:
        stop = threading.Event()

        def kill() -> None:
            while not stop.wait(0.1):
                run_sql(database.owner, _KILL)

        killer = threading.Thread(target=kill)
        killer.start()
        unexpected = run_concurrently(users, seed=10 + size)
        stop.set()
        killer.join()

        assert set(unexpected) <= {"UNAVAILABLE"}
        wait_for_connections(pooled, size)
        assert run_concurrently(users, seed=20 + size) == []
        check_no_session_state_remains(database, pooled, size)


def test_no_session_state_remains_after_any_action(database: PostgresServer, pooled: PostgresServer, size: int) -> None:
    with run_users(pooled) as users:
        first, second = users[:2]
        for action in ACTIONS:
            for client in (first.rest_client, first.graphql_client):
                action(first, client, second.task["id"])
                check_no_session_state_remains(database, pooled, size)


@contextmanager
def lock_task_table(database: PostgresServer) -> Iterator[None]:
    """Lock the task table."""
    with closing(psycopg2.connect(database.owner)) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE task IN ACCESS EXCLUSIVE MODE")
        yield


def kill_waiting_backend(database: PostgresServer) -> None:
    deadline = time.monotonic() + 20
    while run_sql(database.owner, _WAITING) == [(0,)]:
        assert time.monotonic() < deadline, "no backend waits for a lock"
        time.sleep(0.01)
    run_sql(database.owner, _KILL)


def expect_unavailable(action: Callable[[], object]) -> None:
    with expect_error("UNAVAILABLE"):
        action()


@pytest.mark.parametrize("interrupt", [kill_waiting_backend, None], ids=["connection lost", "statement timeout"])
def test_no_session_state_remains_after_an_interrupted_statement(
    database: PostgresServer, pooled: PostgresServer, size: int, interrupt: Callable[[PostgresServer], None] | None
) -> None:
    timeout = 20_000 if interrupt else 300
    with run_users(pooled, statement_timeout_ms=timeout) as users, ThreadPoolExecutor(1) as pool:
        first, second = users[:2]
        for client in (first.rest_client, first.graphql_client):
            for action in (first.page, first.create, first.comment):
                with lock_task_table(database):
                    response = pool.submit(expect_unavailable, partial(action, client, ""))
                    if interrupt:
                        interrupt(database)
                    response.result()
                second.nested(second.rest_client, "")
                check_no_session_state_remains(database, pooled, size)
        assert len(first.rest_client.page("task")) == 1
        assert first.rest_client.comments(first.task["id"]) == []


def test_migrations_work_through_pgbouncer(postgres: PostgresServer, tmp_path: Path) -> None:
    with run_pgbouncer(postgres.copy("template0"), size=1) as pooled:
        for _ in range(2):
            result = run_command(tmp_path, "migrate", DATABASE_URL=pooled.owner)

            assert (result.returncode, result.stderr) == (0, ""), result.stderr
            assert newest_version() in result.stdout
        with run_users(pooled) as users:
            assert run_concurrently(users, seed=3) == []
