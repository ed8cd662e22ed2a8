"""The `todo` command: start, stop by signals, recovery after a kill."""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import httpx
import psycopg2
import pytest

from api.server.http_protocol import LimitedHttpProtocol
from models.database import parse_url
from models.migrate import newest_version
from tests.support.account_deletion import insert_tasks, mark_deleted, remaining_rows, wait_until_deleted
from tests.support.api_clients import TLS, RestClient
from tests.support.processes import is_ready, postgres_processes, run_serve, signal_disposition
from tests.support.service import SECRET, PostgresServer, run_command
from tests.support.table_rows import ADA, EVE, dump_user_rows, insert_rows, rows_for_user
from tests.support.users import TestUser, sign_token


@pytest.mark.parametrize(("stop", "workers"), [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGHUP, 1), (signal.SIGHUP, 2)])
def test_serve_stops_its_database_and_keeps_data_across_restarts(tmp_path: Path, stop: signal.Signals, workers: int) -> None:
    with signal_disposition(signal.SIGHUP, signal.SIG_DFL), run_serve(tmp_path, WORKERS=workers) as (process, url):
        user = TestUser.register(url)
        with RestClient(url, user.token) as client:
            task = client.create("task", title="x")
        assert f"API        {url}/api" in (tmp_path / "log").read_text()
        assert len(postgres_processes(tmp_path)) == 1
        process.send_signal(stop)
        assert process.wait(30) == 0
    assert postgres_processes(tmp_path) == []
    assert "Traceback" not in (tmp_path / "log").read_text()

    with run_serve(tmp_path) as (process, url), RestClient(url, user.token) as client:
        assert client.get("task", task["id"]) == task


def test_closed_terminal_stops_workers_that_serve_requests_gracefully(tmp_path: Path, database: PostgresServer) -> None:
    """A terminal sends SIGHUP to the whole process group: workers finish their requests as after SIGTERM."""
    settings = {"DATABASE_URL": database.service, "JWT_SECRET": SECRET, "WORKERS": 2}
    with signal_disposition(signal.SIGHUP, signal.SIG_DFL), run_serve(tmp_path, **settings) as (process, url):
        user = TestUser.register(url)
        with blocked_write(url, user, database) as statuses:
            os.killpg(process.pid, signal.SIGHUP)
            time.sleep(1)
            assert process.poll() is None
        assert process.wait(30) == 0

    assert statuses == [201]


@pytest.mark.parametrize("workers", [1, 2])
def test_serve_under_nohup_ignores_sighup(tmp_path: Path, workers: int) -> None:
    with signal_disposition(signal.SIGHUP, signal.SIG_IGN), run_serve(tmp_path, WORKERS=workers) as (process, url):
        os.killpg(process.pid, signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        assert is_ready(url)


def test_serve_recovers_after_kill_and_stops_its_database(tmp_path: Path) -> None:
    with run_serve(tmp_path) as (process, url):
        user = TestUser.register(url)
        with RestClient(url, user.token) as client:
            task = client.create("task", title="x")
        process.kill()
        process.wait(30)

    with run_serve(tmp_path) as (process, url), RestClient(url, user.token) as client:
        assert client.get("task", task["id"]) == task
    assert postgres_processes(tmp_path) == []


def test_account_deletion_continues_after_kill(tmp_path: Path, database: PostgresServer) -> None:
    settings = {"DATABASE_URL": database.service, "JWT_SECRET": SECRET}
    with run_serve(tmp_path, **settings) as (process, url):
        user, other = TestUser.register(url), TestUser.register(url)
        insert_tasks(database, user.id, 8000)
        insert_tasks(database, other.id, 10)
        with RestClient(url, user.token) as client:
            client.delete_me()
        while remaining_rows(database, user.id).get("comment", 0) > 5000:
            time.sleep(0.01)
        process.kill()
        process.wait(30)
    remaining = remaining_rows(database, user.id)
    assert remaining["task"] == 8000, "killed too late"

    with run_serve(tmp_path, **settings, WORKERS=2) as (_, url):
        headers = {"Authorization": f"Bearer {sign_token({'sub': user.id, 'iat': int(time.time()) + 5}, SECRET)}"}
        status = httpx.get(f"{url}/api/me/tasks", headers=headers, verify=TLS).status_code
        assert status == 503 or not remaining_rows(database, user.id)
        wait_until_deleted(database, user.id)
        assert httpx.get(f"{url}/api/me/tasks", headers=headers, verify=TLS).json() == []
    assert remaining_rows(database, other.id)["comment"] == 10


def test_maintenance_completes_pending_deletions(tmp_path: Path, database: PostgresServer) -> None:
    settings = {"MIGRATION_DATABASE_URL": database.owner}
    nothing = run_command(tmp_path, "maintenance", **settings)
    mark_deleted(database, ADA, EVE)
    insert_tasks(database, ADA, 2500, chain=True)
    insert_rows(database, rows_for_user("active"))  # recorded, but it can still write
    before = dump_user_rows(database, "active")

    completed = run_command(tmp_path, "maintenance", **settings)

    assert (nothing.returncode, completed.returncode) == (0, 0), completed.stderr
    assert nothing.stdout.endswith(": 0 account deletions completed, 0 left to running services\n")
    assert completed.stdout.endswith(": 2 account deletions completed, 1 left to running services\n")
    assert remaining_rows(database, ADA) == remaining_rows(database, EVE) == {}
    assert dump_user_rows(database, "active") == before


def test_maintenance_of_an_unmigrated_database_fails_with_one_line(tmp_path: Path, postgres: PostgresServer) -> None:
    empty = postgres.copy("template0")

    result = run_command(tmp_path, "maintenance", MIGRATION_DATABASE_URL=empty.owner)

    assert result.returncode == 1
    message = "todo: cannot run maintenance: the database is not migrated: run `todo migrate` with the owner's URL"
    assert result.stderr.splitlines() == [message]


def test_sigterm_waits_for_running_requests(tmp_path: Path, database: PostgresServer) -> None:
    settings = {"DATABASE_URL": database.service, "JWT_SECRET": SECRET}
    with run_serve(tmp_path, **settings) as (process, url):
        user = TestUser.register(url)
        with blocked_write(url, user, database) as statuses:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            assert process.poll() is None
        assert process.wait(30) == 0

    assert statuses == [201]


@contextmanager
def blocked_write(url: str, user: TestUser, database: PostgresServer) -> Iterator[list[int]]:
    """Send a request that waits for a lock until the end of the block; yield a list that then contains its status."""
    statuses: list[int] = []

    def write() -> None:
        with RestClient(url, user.token) as client:
            statuses.append(client.send("POST", "/api/me/tasks", json={"title": "x"}).status_code)

    with hold_table_lock(database.owner):
        writer = threading.Thread(target=write)
        writer.start()
        wait_for_lock_waiter(database, database.owner.split("/")[3].split("?")[0])
        yield statuses
    writer.join()


@contextmanager
def hold_table_lock(url: str) -> Iterator[None]:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE task IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        connection.close()


def wait_for_lock_waiter(database: PostgresServer, name: str) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 10
    while database.execute(waiting, name) == [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_workers_share_port_and_data(tmp_path: Path) -> None:
    with run_serve(tmp_path, "--workers", "2") as (process, url):
        user = TestUser.register(url)
        with RestClient(url, user.token) as client:
            titles = {client.create("task", title=str(number))["title"] for number in range(10)}
        assert titles == {str(number) for number in range(10)}
        deadline = time.monotonic() + 30
        while len(set(re.findall(r"Started server process \[(\d+)\]", (tmp_path / "log").read_text()))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert postgres_processes(tmp_path) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_header_limit_applies_with_any_number_of_workers(tmp_path: Path, workers: int) -> None:
    with run_serve(tmp_path, "--workers", str(workers)) as (_, url), socket.socket() as connection:
        connection.connect(("127.0.0.1", int(url.rsplit(":", 1)[1])))
        connection.sendall(b"GET /health HTTP/1.1\r\nA: " + b"x" * LimitedHttpProtocol.max_header_bytes + b"\r\n\r\n")

        assert connection.recv(100).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"PORT": "x"}, "PORT "),
        ({"ENVIRONMENT": "production"}, "JWT_SECRET must be set"),
        ({"DATABASE_URL": "postgresql://x:hidden@127.0.0.1:1/x"}, "the database is not reachable at 127.0.0.1:1/x"),
        ({"MIGRATION_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, "MIGRATION_DATABASE_URL is set, but DATABASE_URL is not"),
    ],
)
def test_serve_reports_invalid_configuration_in_one_line(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    result = run_command(tmp_path, "serve", **settings)

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"todo: cannot serve: {message}")
    assert "hidden" not in result.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("workers", "0"), ("workers", "-1"), ("workers", "x"), ("port", "99999"), ("port", "-1")]
)
def test_serve_rejects_invalid_options_like_invalid_settings(tmp_path: Path, name: str, value: str) -> None:
    option = run_command(tmp_path, "serve", f"--{name}={value}")
    setting = run_command(tmp_path, "serve", **{name.upper(): value})

    assert (option.returncode, option.stdout, option.stderr) == (1, "", setting.stderr)
    assert option.stderr.startswith(f"todo: cannot serve: {name.upper()} ")
    assert option.stderr.count("\n") == 1


def test_version_and_help_of_every_option_are_printed(tmp_path: Path) -> None:
    assert run_command(tmp_path, "--version").stdout == f"todo {version('todo-backend')}\n"
    text = run_command(tmp_path, "serve", "--help").stdout
    options = re.findall(r"^  (?:-h, )?--([a-z]+)(?: [A-Z]+)?(.*)$", text, re.MULTILINE)
    assert [name for name, _ in options] == ["help", "host", "port", "workers", "migrate"]
    assert all(description.strip() for _, description in options)


def test_serve_requires_a_migrated_database(tmp_path: Path, postgres: PostgresServer) -> None:
    empty = postgres.copy("template0")
    before = run_command(tmp_path, "serve", DATABASE_URL=empty.service)
    assert (before.returncode, before.stderr.count("\n")) == (1, 1)
    assert "the database is not migrated: run `todo migrate`" in before.stderr

    description = f"Database {parse_url(empty.owner).database} on localhost"
    migrated = run_command(tmp_path, "migrate", MIGRATION_DATABASE_URL=empty.owner)
    assert migrated.stdout == f"{description}: migrated from an empty database to {newest_version()}\n"
    again = run_command(tmp_path, "migrate", DATABASE_URL=empty.service, MIGRATION_DATABASE_URL=empty.owner)
    assert again.stdout == f"{description}: already at {newest_version()}\n"
    assert not (tmp_path / "data").exists()
    with run_serve(tmp_path, DATABASE_URL=empty.service):
        pass


def test_schema_and_openapi_commands_print_documents(tmp_path: Path) -> None:
    assert "type Query" in run_command(tmp_path, "schema").stdout
    assert '"openapi": "3.1' in run_command(tmp_path, "openapi").stdout
    assert not (tmp_path / "data").exists()
