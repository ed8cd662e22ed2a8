"""Concurrency limit per user: one user does not occupy all database connections."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager

import psycopg2
import pytest

from api.concurrency.limit import MAX_WAITING
from tests.support.api_clients import ApiClient, GraphQLClient, RestClient, expect_error
from tests.support.service import PostgresServer, RunningService, run_service, run_sql, settings_for
from tests.support.users import PASSWORD, TestUser

POOL_SIZE = 4
WRITES = 12
COUNT_WAITING_WRITES = """SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = 'todo_service' AND wait_event_type = 'Lock'"""
REQUESTS = {
    "/api/me/tasks": json.dumps({"title": "Buy milk"}),
    "/graphql": json.dumps({"query": 'mutation { createTask(input: {title: "Buy milk"}) { task { id } } }'}),
}


@pytest.fixture
def service(database: PostgresServer) -> Iterator[RunningService]:
    """A service with few database connections."""
    with run_service(settings_for(database, database_pool_size=POOL_SIZE), database) as running:
        yield running


@pytest.fixture
def one_slot_service(database: PostgresServer) -> Iterator[RunningService]:
    """A service with one slot for each user."""
    with run_service(settings_for(database, database_pool_size=2), database) as running:
        yield running


@pytest.fixture
def one_slot_user(one_slot_service: RunningService) -> TestUser:
    """A user of `one_slot_service`."""
    return TestUser.register(one_slot_service.url)


@contextmanager
def block_writes(service: RunningService, user: TestUser) -> Iterator[None]:
    """Lock the row that every write of the user updates."""
    with closing(psycopg2.connect(service.database.owner)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT FROM user_revision WHERE user_id = %s FOR UPDATE", (user.id,))
        yield


def wait_for_blocked_writes(service: RunningService, number: int) -> None:
    """Wait until this number of writes waits for a lock."""
    while run_sql(service.database.owner, COUNT_WAITING_WRITES) < [(number,)]:
        time.sleep(0.01)


@contextmanager
def send_partially(service: RunningService, user: TestUser, path: str, body: str) -> Iterator[socket.socket]:
    """Send the headers of a request and this part of its body; yield the open connection."""
    port = int(service.url.rpartition(":")[2])
    headers = f"Authorization: Bearer {user.token}\r\nContent-Type: application/json\r\nContent-Length: {len(REQUESTS[path])}"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n\r\n{body}".encode())
        time.sleep(0.1)  # The service has read this part by then.
        yield connection


@pytest.mark.parametrize("kind", [RestClient, GraphQLClient])
def test_blocked_writes_of_one_user_leave_connections_to_others(
    service: RunningService, user: TestUser, other_user: TestUser, kind: Callable[[str, str | None], ApiClient]
) -> None:
    with ThreadPoolExecutor(WRITES) as threads, ExitStack() as stack:
        clients = [stack.enter_context(kind(service.url, user.token)) for _ in range(WRITES)]
        with block_writes(service, user):
            writes = [threads.submit(client.create, "task", title=str(number)) for number, client in enumerate(clients)]
            wait_for_blocked_writes(service, POOL_SIZE // 4)

            for other_kind in (RestClient, GraphQLClient):
                with other_kind(service.url, other_user.token) as client:
                    assert client.create("task", title="Meanwhile")["title"] == "Meanwhile"
                    assert len(client.page("task")) > 0
            assert run_sql(service.database.owner, COUNT_WAITING_WRITES) == [(POOL_SIZE // 4,)]
        created = [write.result() for write in writes]

    assert len({task["revision"] for task in created}) == WRITES


@pytest.mark.parametrize("path", REQUESTS)
def test_slow_upload_holds_no_slot(one_slot_service: RunningService, one_slot_user: TestUser, path: str) -> None:
    body = REQUESTS[path]
    with send_partially(one_slot_service, one_slot_user, path, body[:10]) as upload:
        with RestClient(one_slot_service.url, one_slot_user.token) as client:
            client.http.timeout = 5
            assert client.page("task") == []
        upload.sendall(body[10:].encode())

        assert upload.recv(1000).split()[1] in {b"200", b"201"}


@pytest.mark.parametrize("path", REQUESTS)
def test_client_that_disconnects_during_the_upload_leaves_the_slot_free(
    one_slot_service: RunningService, one_slot_user: TestUser, path: str
) -> None:
    for _ in range(3):
        with send_partially(one_slot_service, one_slot_user, path, REQUESTS[path][:10]):
            pass

    with RestClient(one_slot_service.url, one_slot_user.token) as client:
        client.http.timeout = 5
        assert client.page("task") == []


@pytest.mark.parametrize("path", REQUESTS)
def test_client_that_disconnects_while_it_waits_leaves_the_slot_free(
    one_slot_service: RunningService, one_slot_user: TestUser, path: str
) -> None:
    with ThreadPoolExecutor(1) as threads, RestClient(one_slot_service.url, one_slot_user.token) as client:
        with block_writes(one_slot_service, one_slot_user):
            write = threads.submit(client.create, "task", title="first")
            wait_for_blocked_writes(one_slot_service, 1)
            for _ in range(3):
                with send_partially(one_slot_service, one_slot_user, path, REQUESTS[path]):
                    pass
        assert write.result()["title"] == "first"

        client.http.timeout = 5
        assert {"first"} <= {task["title"] for task in client.page("task")}


Kind = Callable[[str, str | None], ApiClient]


@contextmanager
def run_blocked_write(service: RunningService, user: TestUser, kind: Kind) -> Iterator[None]:
    """Run a write of the user, which holds the only slot of the user, in this block."""
    with kind(service.url, user.token) as client, ThreadPoolExecutor(1) as threads, block_writes(service, user):
        threads.submit(client.create, "task", title="first")
        wait_for_blocked_writes(service, 1)
        yield


@pytest.mark.parametrize("kind", [RestClient, GraphQLClient])
@pytest.mark.parametrize("action", ["log_out", "refresh", "log_in"])
def test_request_whose_user_is_found_by_a_lookup_waits_in_the_queue_of_the_user(
    service: RunningService, user: TestUser, other_user: TestUser, kind: Kind, action: str
) -> None:
    arguments = {"log_in": (user.email, PASSWORD)}.get(action, (user.refresh_token,))
    with ThreadPoolExecutor(WRITES) as threads, ExitStack() as stack:
        with run_blocked_write(service, user, RestClient):
            clients = [stack.enter_context(kind(service.url, None)) for _ in range(4)]
            calls = [threads.submit(getattr(client, action), *arguments) for client in clients]
            for _ in range(20):
                assert run_sql(service.database.owner, COUNT_WAITING_WRITES) == [(1,)]
                time.sleep(0.02)
            with RestClient(service.url, other_user.token) as other:
                assert other.page("task") == []
        wait([*calls])


@pytest.mark.parametrize("kind", [RestClient, GraphQLClient])
def test_full_queue_is_rate_limited_and_others_are_not(
    one_slot_service: RunningService, one_slot_user: TestUser, kind: Kind
) -> None:
    service = one_slot_service
    with ThreadPoolExecutor(MAX_WAITING) as threads, ExitStack() as stack:
        clients = [stack.enter_context(kind(service.url, one_slot_user.token)) for _ in range(MAX_WAITING)]
        with run_blocked_write(service, one_slot_user, RestClient):
            calls = [threads.submit(client.page, "task") for client in clients]
            time.sleep(0.5)
            with kind(service.url, one_slot_user.token) as client:
                client.http.timeout = 2
                with expect_error("RATE_LIMITED"):
                    client.page("task")
                assert client.http.get("/api/me/tasks").headers["Retry-After"] == "1"
            with kind(service.url, TestUser.register(service.url).token) as other:
                assert other.page("task") == []
        assert all(isinstance(call.result(), list) for call in calls)


@pytest.mark.parametrize("kind", [RestClient, GraphQLClient])
def test_request_does_not_wait_for_a_slot_of_a_second_user(
    service: RunningService, user: TestUser, other_user: TestUser, kind: Kind
) -> None:
    with run_blocked_write(service, user, RestClient), kind(service.url, other_user.token) as client:
        client.http.timeout = 2
        with expect_error("RATE_LIMITED"):
            client.refresh(user.refresh_token)
        assert client.refresh(other_user.refresh_token)["user"]["id"] == other_user.id
