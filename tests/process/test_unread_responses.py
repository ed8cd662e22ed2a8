"""Responses that clients do not read: their bytes are limited, and their connections closed."""

import asyncio
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import Any, cast

import psutil
import pytest

from api.server import process_limits
from api.server.http_protocol import LimitedHttpProtocol
from api.server.memory_release import release_memory
from api.server.unsent_bytes import UnsentBytes
from services import unit_of_work
from services.query_engine.execution import executor
from tests.support.api_clients import ApiClient, GraphQLClient, RestClient
from tests.support.raw_http import connected, receive_all
from tests.support.service import LogCapture, PostgresServer, RunningService, run_service, settings_for
from tests.support.users import TestUser

PAGE = b"GET /api/me/tags?include=tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n\r\n"
TIMEOUT = 1.0


class ImpatientProtocol(LimitedHttpProtocol):
    """The protocol with a short timeout of unread responses."""

    write_timeout_seconds = TIMEOUT


@contextmanager
def service_with_large_page(
    database: PostgresServer, protocol: type[LimitedHttpProtocol]
) -> Iterator[tuple[RunningService, TestUser]]:
    """Run a service with one slot per user, and a user whose page has 12 MB, a part of which the operating system buffers."""
    with run_service(settings_for(database, database_pool_size=2), database, http=protocol) as service:
        user = TestUser.register(service.url)
        database.execute(
            "INSERT INTO task (user_id, id, title, title_sort_key, search_lexemes, description, status, priority, position, "
            "created_at, updated_at, revision) "
            "SELECT %s, gen_random_uuid(), 'x', 'x', '', repeat('\U0001f600', 2000), 'pending', 'none', n, now(), now(), 1 "
            "FROM generate_series(1, 500) n",
            user.id,
        )
        database.execute(
            "INSERT INTO tag (user_id, id, name, name_key, name_sort_key, created_at, updated_at, revision) "
            "SELECT %s, gen_random_uuid(), n::text, n::text, n::text, now(), now(), 1 FROM generate_series(1, 3) n",
            user.id,
        )
        database.execute("INSERT INTO task_tag SELECT task.user_id, task.id, tag.id FROM task, tag")
        yield service, user


def request_page(connection: socket.socket, user: TestUser) -> None:
    """Request the large page, and wait until its response has begun."""
    connection.sendall(PAGE % user.token.encode())
    assert connection.recv(1) == b"H"


def test_connection_without_progress_is_closed_and_a_slow_one_is_not(database: PostgresServer) -> None:
    with service_with_large_page(database, ImpatientProtocol) as (service, user), connected(service) as stalled:
        request_page(stalled, user)
        with connected(service) as slow:
            request_page(slow, user)
            received, started_at = b"", time.monotonic()
            while time.monotonic() < started_at + 4 * TIMEOUT:
                received += slow.recv(32768)
                time.sleep(0.05)
            assert (received + receive_all(slow)).endswith(b"}]")
        assert len(receive_all(stalled)) < 10_000_000


@pytest.mark.parametrize("kind", [RestClient, GraphQLClient])
def test_stalled_connections_do_not_lock_out_their_user(database: PostgresServer, kind: type[ApiClient]) -> None:
    with service_with_large_page(database, LimitedHttpProtocol) as (service, user), ExitStack() as stack:
        for _ in range(2):
            request_page(stack.enter_context(connected(service)), user)

        with kind(service.url, user.token) as client:
            assert client.create("task", title="Meanwhile")["title"] == "Meanwhile"


def test_user_above_the_budget_loses_the_connection_stalled_for_longest(
    database: PostgresServer, monkeypatch: pytest.MonkeyPatch, log: LogCapture
) -> None:
    monkeypatch.setattr(process_limits, "MAX_PER_CALLER", 15_000_000)
    with service_with_large_page(database, LimitedHttpProtocol) as (service, user), ExitStack() as stack:
        first, second = (stack.enter_context(connected(service)) for _ in range(2))
        request_page(first, user)
        request_page(second, user)
        time.sleep(0.5)  # the service has written the whole response by then

        assert len(receive_all(first)) < 10_000_000
        second.settimeout(5)
        assert len(second.recv(65536)) > 0
    assert any("unread responses closed" in line for line in log.captured)


class FakeTransport:
    """A connection with unsent bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.is_aborted = False

    def get_write_buffer_size(self) -> int:
        return self.size

    def abort(self) -> None:
        self.is_aborted = True


def test_budgets_count_bytes_per_caller_and_in_total() -> None:
    async def run() -> list[bool]:
        unsent = UnsentBytes(max_per_caller=10, max_total=25)
        transports = [FakeTransport(size) for size in (6, 6, 6, 6, 9)]
        for transport, caller in zip(transports[:2], ("a", "b"), strict=True):
            unsent.add(cast("asyncio.Transport", transport), caller)
        unsent.mark_progress(cast("asyncio.Transport", transports[0]))
        for transport, caller in zip(transports[2:], ("b", "c", "d"), strict=True):
            unsent.add(cast("asyncio.Transport", transport), caller)
        return [transport.is_aborted for transport in transports]

    # "b" exceeds its budget with its second connection; then "d" exceeds the total, and "a" made progress before the others.
    assert asyncio.run(run()) == [True, True, False, False, False]


def test_further_requests_of_a_stalled_connection_wait(database: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    run = executor.execute

    def count_and_run(*arguments: Any) -> Any:
        reads.append(len(arguments))
        return run(*arguments)

    with service_with_large_page(database, LimitedHttpProtocol) as (service, user), connected(service) as connection:
        monkeypatch.setattr(unit_of_work, "execute", count_and_run)
        connection.sendall(PAGE % user.token.encode() * 2)
        assert connection.recv(1) == b"H"
        connection.sendall(PAGE.replace(b"HTTP/1.1", b"HTTP/1.0") % user.token.encode())
        time.sleep(1)
        assert len(reads) == 1

        assert receive_all(connection).count(b"HTTP/1.1 200") == 2  # and the first one, whose beginning was received before
        assert len(reads) == 3


def resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def retained_bytes() -> int:
    """Return how many bytes more the process has after it used and released much memory."""

    async def run() -> int:
        async with release_memory(period_seconds=0.1):
            before = resident_bytes()
            texts = [str(number) * 1000 for number in range(100_000, 110_000)]
            retained = texts[::1000]  # so that their heap cannot shrink
            bodies = [b"x" * 4_000_000 for _ in range(10)]
            assert resident_bytes() - before > 60_000_000
            del texts, bodies
            await asyncio.sleep(1)
            return resident_bytes() - before - len(retained)

    return asyncio.run(run())


def test_memory_of_large_responses_is_released() -> None:
    """A new process is measured: one that ran other tests has unused memory already."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        assert process.submit(retained_bytes).result() < 20_000_000
