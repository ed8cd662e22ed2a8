"""HTTP protocol limits: sizes and timeouts of raw connections."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import pytest

from api.protocol import BoundedProtocol
from tests.support.service import LogCapture, PostgresServer, RunningService, run_service, settings_for
from tests.support.users import TestUser


class Hurried(BoundedProtocol):
    """The protocol with short timeouts."""

    head_seconds = 0.5
    body_bytes_per_second = 10
    unread_seconds = 0.5
    farewell_seconds = 0.2


@pytest.fixture(scope="module")
def hurried(postgres: PostgresServer) -> Iterator[RunningService]:
    """A service with short timeouts."""
    database = postgres.copy("template_todo")
    with run_service(settings_for(database), database, http=Hurried) as running:
        yield running


@contextmanager
def connected(service: RunningService) -> Iterator[socket.socket]:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", int(service.url.rsplit(":", 1)[1])))
        yield connection


def everything(connection: socket.socket) -> bytes:
    """Return all bytes until the connection is closed or reset."""
    parts = []
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def talk(service: RunningService, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send the parts until the server stops reading, and return all bytes that it sends."""
    with connected(service) as connection:
        with suppress(OSError):
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        return everything(connection)


def answers(said: bytes) -> list[tuple[int, dict[str, str], Any]]:
    """Return the responses: status, headers, body."""
    found = []
    while said:
        head, _, rest = said.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers["content-length"])
        found.append((int(first.split()[1]), headers, json.loads(rest[:length])))
        said = rest[length:]
    return found


def refusal(said: bytes, status: int, code: str) -> str:
    """Check that the only response is a problem with this status and code; return its detail."""
    ((found, headers, problem),) = answers(said)
    assert (found, problem["status"], problem["error_code"]) == (status, status, code)
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert headers["x-request-id"] == problem["request_id"]
    return str(problem["detail"])


GET = b"GET /health HTTP/1.1\r\nHost: x\r\n"
LAST = GET + b"Connection: close\r\n"
LIMIT = BoundedProtocol.head_bytes

TOO_LONG = {
    "one header": [LAST + b"A: " + b"x" * LIMIT + b"\r\n\r\n"],
    "many headers": [LAST + b"A: b\r\n" * (LIMIT // 6) + b"\r\n"],
    "the address": [b"GET /health?" + b"x" * LIMIT + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
    "no end": [LAST + b"A: ", *[b"x" * 10_000] * 100],
    "no end of the address": [b"GET /", *[b"x" * 10_000] * 100],
    "after another request": [GET + b"\r\n", LAST + b"A: " + b"x" * LIMIT + b"\r\n\r\n"],
}


@pytest.mark.parametrize("parts", TOO_LONG.values(), ids=TOO_LONG)
def test_request_head_over_the_size_limit_returns_431(hurried: RunningService, parts: list[bytes], log: LogCapture) -> None:
    said = talk(hurried, *parts, pause=0.01)
    if parts[0] == GET + b"\r\n":
        said = said[said.index(b"HTTP/1.1", 1) :]

    assert "32768 bytes" in refusal(said, 431, "HEADERS_TOO_LARGE")
    assert any('"code":"HEADERS_TOO_LARGE"' in line for line in log.heard)


def test_request_head_at_the_size_limit_is_accepted(hurried: RunningService) -> None:
    name = b"A: "
    filler = b"x" * (LIMIT - len(b"/health") - len(b"Host: x\r\nConnection: close\r\n") - len(name + b"\r\n"))

    assert answers(talk(hurried, LAST + name + filler + b"\r\n\r\n"))[0][0] == 200
    refusal(talk(hurried, LAST + name + filler + b"x\r\n\r\n"), 431, "HEADERS_TOO_LARGE")


SLOW = {
    "no end of the first line": [b"GET /heal"],
    "no end of the headers": [GET, b"A: b\r\n"],
    "a byte now and then": [bytes([byte]) for byte in GET[:20]],
    "empty lines": [b"\r\n"] * 20,
}


@pytest.mark.parametrize("parts", SLOW.values(), ids=SLOW)
def test_slow_request_head_times_out(hurried: RunningService, parts: list[bytes]) -> None:
    refusal(talk(hurried, *parts, pause=0.1), 408, "REQUEST_TIMEOUT")


def test_idle_connection_is_closed_silently(hurried: RunningService) -> None:
    assert talk(hurried) == b""


def post(user: TestUser, framing: bytes) -> bytes:
    return (
        b"POST /api/me/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer " + user.token.encode() + b"\r\n" + framing + b"\r\n\r\n"
    )


@pytest.fixture(scope="module")
def writer(hurried: RunningService) -> TestUser:
    """A user who writes."""
    return TestUser.register(hurried.url)


STALLED = {
    "a length": (b"Content-Length: 1000", b'{"title": "'),
    "chunks": (b"Transfer-Encoding: chunked", b'b\r\n{"title": "\r\n'),
    "no end of a chunk's size": (b"Transfer-Encoding: chunked", b"0000000000"),
}


@pytest.mark.parametrize(("framing", "start"), STALLED.values(), ids=STALLED)
def test_stalled_request_body_times_out(
    hurried: RunningService, writer: TestUser, log: LogCapture, framing: bytes, start: bytes
) -> None:
    refusal(talk(hurried, post(writer, framing), start), 408, "REQUEST_TIMEOUT")

    assert "traceback" not in " ".join(log.heard)


def test_slow_request_body_above_the_minimum_rate_is_accepted(hurried: RunningService, writer: TestUser) -> None:
    body = json.dumps({"title": "x", "description": "y" * 1500}).encode()
    framing = f"Content-Length: {len(body)}".encode()

    said = talk(hurried, post(writer, framing) + body[:1000], body[1000:], pause=Hurried.head_seconds * 2)

    assert answers(said)[0][0] == 201


CHUNKED = b"Transfer-Encoding: chunked"
TASK = b'e\r\n{"title": "x"}\r\n'
AROUND = {
    "more trailers than a head may have": [b"e000\r\n" + b" " * 0xE000 + b"\r\n0\r\n" + b"A: b\r\n" * LIMIT + b"\r\n"],
    "many trailers": [TASK + b"0\r\n" + b"A: b\r\n" * LIMIT + b"\r\n"],
    "no end of a trailer": [TASK + b"0\r\nA: ", *[b"x" * 10_000] * 100],
    "no end of a chunk's extension": [TASK + b"1;", *[b"x" * 10_000] * 100],
}


@pytest.mark.parametrize("parts", AROUND.values(), ids=AROUND)
def test_chunk_and_trailer_overhead_is_limited(hurried: RunningService, writer: TestUser, parts: list[bytes]) -> None:
    refusal(talk(hurried, post(writer, CHUNKED), *parts, pause=0.01), 431, "HEADERS_TOO_LARGE")


def test_one_byte_chunks_and_trailers_are_accepted(hurried: RunningService, writer: TestUser) -> None:
    body = json.dumps({"title": "x", "description": "y" * 2000}).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\nAuthorization: nobody\r\n\r\n"

    assert answers(talk(hurried, post(writer, CHUNKED), chunks[:5000], chunks[5000:], pause=0.05))[0][0] == 201


@pytest.mark.parametrize("garbage", [b"\x00\x01\x02\r\n\r\n", b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"])
def test_non_http_bytes_return_problem_details(hurried: RunningService, garbage: bytes) -> None:
    refusal(talk(hurried, garbage), 400, "MALFORMED_REQUEST")


@pytest.mark.parametrize("line", [b"CONNECT example.com:80", b"GET http://example.com", b"GET http://example.com?a=b"])
@pytest.mark.parametrize("before", [[], [GET + b"\r\n"]], ids=["at once", "after another request"])
def test_invalid_request_target_returns_400(hurried: RunningService, line: bytes, before: list[bytes], log: LogCapture) -> None:
    said = talk(hurried, *before, line + b" HTTP/1.1\r\nHost: x\r\n\r\n", pause=0.2)

    refusal(said[said.rindex(b"HTTP/1.1 ") :], 400, "MALFORMED_REQUEST")
    assert not any("example.com" in heard for heard in log.heard)


def test_pipelined_requests_are_answered_in_order_up_to_the_limit(hurried: RunningService) -> None:
    several = answers(talk(hurried, (GET + b"\r\n") * 20 + LAST + b"\r\n"))
    assert [status for status, _, _ in several] == [200] * 21

    assert talk(hurried, (GET + b"\r\n") * 2000).count(b"HTTP/1.1 ") < 2000


def wait_until_let_go_of(connection: socket.socket) -> None:
    """Wait until the server closes the connection; the kernel knows before unread data is received."""
    here = connection.getsockname()[:2]
    deadline = time.monotonic() + 30
    while any(other.raddr == here and other.status == psutil.CONN_ESTABLISHED for other in psutil.net_connections("tcp4")):
        assert time.monotonic() < deadline, "the connection is still open"
        time.sleep(0.05)


def test_unread_response_closes_connection(hurried: RunningService) -> None:
    asked = Hurried.most_pipelined
    with connected(hurried) as connection:
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * asked)
        wait_until_let_go_of(connection)
        received = everything(connection)

    assert 0 < received.count(b"HTTP/1.1 200") < asked
