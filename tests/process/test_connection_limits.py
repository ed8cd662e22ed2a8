"""Limits on open connections: per address, in total, and of the operating system."""

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from api.server.file_limit import connections_within_file_limit
from api.settings import Settings
from tests.support.service import LogCapture, PostgresServer, RunningService, run_service, settings_for

MAX_OPEN, MAX_PER_ADDRESS = 12, 4
REQUEST = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
STALLED_LOGIN = (
    b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\n"
)

Connect = Callable[[str], socket.socket]


@pytest.fixture
def limited_service(database: PostgresServer) -> Iterator[RunningService]:
    """A service with low limits, whose trusted proxy is 127.0.0.1."""
    settings = settings_for(database, max_connections=MAX_OPEN, max_connections_per_address=MAX_PER_ADDRESS)
    with run_service(settings, database, timeout_keep_alive=60) as running:
        yield running


@pytest.fixture
def connect(limited_service: RunningService) -> Iterator[Connect]:
    """A function that connects to the service from an address."""
    with ExitStack() as stack:

        def connect_from(address: str) -> socket.socket:
            port = int(limited_service.url.rpartition(":")[2])
            connection = socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(address, 0))
            return stack.enter_context(closing(connection))

        yield connect_from


def responds(connection: socket.socket, request: bytes = REQUEST) -> bool:
    """Return whether a request on the connection has a response, a JSON object; False if the connection was closed."""
    received = b""
    with suppress(ConnectionError):
        connection.sendall(request)
        while not received.endswith(b"}") and (part := connection.recv(65536)):
            received += part
    return received.startswith(b"HTTP/1.1 ")


def send(connection: socket.socket, data: bytes) -> socket.socket:
    """Send bytes and wait until the service has read them."""
    connection.sendall(data)
    time.sleep(0.05)
    return connection


def test_connections_of_one_address_are_limited(connect: Connect, log: LogCapture) -> None:
    opened = [connect("127.0.0.2") for _ in range(MAX_PER_ADDRESS)]

    assert all(responds(connection) for connection in opened)
    assert [responds(connect("127.0.0.2")) for _ in range(5)] == [False] * 5
    assert responds(connect("127.0.0.3"))
    assert sum("of one address are open" in line for line in log.captured) == 1

    opened[0].close()
    time.sleep(0.5)  # the service has closed the connection by then
    assert responds(connect("127.0.0.2"))


def test_proxy_may_open_more_connections_than_an_address(connect: Connect) -> None:
    assert [responds(connect("127.0.0.1")) for _ in range(MAX_PER_ADDRESS + 2)] == [True] * (MAX_PER_ADDRESS + 2)


def test_new_connection_at_the_total_closes_the_longest_idle_one(connect: Connect, log: LogCapture) -> None:
    silent = connect("127.0.0.2")
    time.sleep(0.05)
    opened = [connect("127.0.0.1") for _ in range(MAX_OPEN - 1)]
    assert all(responds(connection) for connection in opened)
    assert responds(opened[0])  # now opened[1] is idle for longer

    assert responds(connect("127.0.0.3"))
    assert responds(connect("127.0.0.3"))

    assert [responds(connection) for connection in [silent, *opened[:3]]] == [False, True, False, True]
    assert sum("idle connections closed" in line for line in log.captured) == 1


def test_new_connection_without_an_idle_one_is_refused(connect: Connect, log: LogCapture) -> None:
    busy = [send(connect("127.0.0.1"), STALLED_LOGIN) for _ in range(MAX_OPEN)]

    assert not responds(connect("127.0.0.3"))
    assert any("none is idle" in line for line in log.captured)

    assert responds(busy[0], b"x" * 100)
    assert responds(connect("127.0.0.3"))


def test_file_limit_is_raised_for_the_connections() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        assert connections_within_file_limit(Settings.model_construct(max_connections=1000)) == 1000
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 2000
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_limit_of_files_below_the_connections_is_logged(monkeypatch: pytest.MonkeyPatch, log: LogCapture) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (512, 512))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)

    assert connections_within_file_limit(Settings.model_construct(max_connections=1000)) == 219
    assert any("MAX_CONNECTIONS is 1000, but the limit of 512 open files allows 219" in line for line in log.captured)
