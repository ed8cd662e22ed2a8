"""HTTP protocol limits: sizes and timeouts of raw connections."""

import json
import socket
import time
from collections.abc import Iterator

import psutil
import pytest

from api.server.http_protocol import LimitedHttpProtocol
from tests.support.raw_http import connected, exchange, parse_responses, receive_all
from tests.support.service import LogCapture, PostgresServer, RunningService, run_service, settings_for
from tests.support.users import TestUser


class StrictProtocol(LimitedHttpProtocol):
    """The protocol with short timeouts."""

    header_timeout_seconds = 0.5
    min_body_bytes_per_second = 10
    write_timeout_seconds = 0.5
    close_delay_seconds = 0.2


@pytest.fixture(scope="module")
def strict_service(postgres: PostgresServer) -> Iterator[RunningService]:
    """A service with short timeouts."""
    database = postgres.copy("template_todo")
    with run_service(settings_for(database), database, http=StrictProtocol) as running:
        yield running


def check_problem(received: bytes, status: int, code: str) -> str:
    """Check that the only response is a problem with this status and code; return its detail."""
    ((actual_status, headers, problem),) = parse_responses(received)
    assert (actual_status, problem["status"], problem["error_code"]) == (status, status, code)
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert headers["x-request-id"] == problem["request_id"]
    return str(problem["detail"])


GET = b"GET /health HTTP/1.1\r\nHost: x\r\n"
LAST_GET = GET + b"Connection: close\r\n"
LIMIT = LimitedHttpProtocol.max_header_bytes

TOO_LONG = {
    "one header": [LAST_GET + b"A: " + b"x" * LIMIT + b"\r\n\r\n"],
    "many headers": [LAST_GET + b"A: b\r\n" * (LIMIT // 6) + b"\r\n"],
    "target": [b"GET /health?" + b"x" * LIMIT + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
    "unterminated header": [LAST_GET + b"A: ", *[b"x" * 10_000] * 100],
    "unterminated target": [b"GET /", *[b"x" * 10_000] * 100],
    "after another request": [GET + b"\r\n", LAST_GET + b"A: " + b"x" * LIMIT + b"\r\n\r\n"],
}


@pytest.mark.parametrize("parts", TOO_LONG.values(), ids=TOO_LONG)
def test_request_head_over_the_size_limit_returns_431(
    strict_service: RunningService, parts: list[bytes], log: LogCapture
) -> None:
    received = exchange(strict_service, *parts, pause=0.01)
    if parts[0] == GET + b"\r\n":
        received = received[received.index(b"HTTP/1.1", 1) :]

    assert "32768 bytes" in check_problem(received, 431, "HEADERS_TOO_LARGE")
    assert any('"code":"HEADERS_TOO_LARGE"' in line for line in log.captured)


def test_request_head_at_the_size_limit_is_accepted(strict_service: RunningService) -> None:
    name = b"A: "
    filler = b"x" * (LIMIT - len(b"/health") - len(b"Host: x\r\nConnection: close\r\n") - len(name + b"\r\n"))

    assert parse_responses(exchange(strict_service, LAST_GET + name + filler + b"\r\n\r\n"))[0][0] == 200
    check_problem(exchange(strict_service, LAST_GET + name + filler + b"x\r\n\r\n"), 431, "HEADERS_TOO_LARGE")


SLOW = {
    "unterminated request line": [b"GET /heal"],
    "unterminated headers": [GET, b"A: b\r\n"],
    "slow bytes": [bytes([byte]) for byte in GET[:20]],
    "empty lines": [b"\r\n"] * 20,
}


@pytest.mark.parametrize("parts", SLOW.values(), ids=SLOW)
def test_slow_request_head_times_out(strict_service: RunningService, parts: list[bytes]) -> None:
    check_problem(exchange(strict_service, *parts, pause=0.1), 408, "REQUEST_TIMEOUT")


def test_idle_connection_is_closed_silently(strict_service: RunningService) -> None:
    assert exchange(strict_service) == b""


def post(user: TestUser, framing: bytes) -> bytes:
    return (
        b"POST /api/me/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer " + user.token.encode() + b"\r\n" + framing + b"\r\n\r\n"
    )


@pytest.fixture(scope="module")
def writing_user(strict_service: RunningService) -> TestUser:
    """A user who writes."""
    return TestUser.register(strict_service.url)


STALLED = {
    "content length": (b"Content-Length: 1000", b'{"title": "'),
    "chunks": (b"Transfer-Encoding: chunked", b'b\r\n{"title": "\r\n'),
    "unterminated chunk size": (b"Transfer-Encoding: chunked", b"0000000000"),
}


@pytest.mark.parametrize(("framing", "start"), STALLED.values(), ids=STALLED)
def test_stalled_request_body_times_out(
    strict_service: RunningService, writing_user: TestUser, log: LogCapture, framing: bytes, start: bytes
) -> None:
    check_problem(exchange(strict_service, post(writing_user, framing), start), 408, "REQUEST_TIMEOUT")

    assert "traceback" not in " ".join(log.captured)


def test_slow_request_body_above_the_minimum_rate_is_accepted(strict_service: RunningService, writing_user: TestUser) -> None:
    body = json.dumps({"title": "x", "description": "y" * 1500}).encode()
    framing = f"Content-Length: {len(body)}".encode()

    received = exchange(
        strict_service, post(writing_user, framing) + body[:1000], body[1000:], pause=StrictProtocol.header_timeout_seconds * 2
    )

    assert parse_responses(received)[0][0] == 201


CHUNKED = b"Transfer-Encoding: chunked"
TASK = b'e\r\n{"title": "x"}\r\n'
OVERHEAD = {
    "oversized trailers after a large chunk": [b"e000\r\n" + b" " * 0xE000 + b"\r\n0\r\n" + b"A: b\r\n" * LIMIT + b"\r\n"],
    "many trailers": [TASK + b"0\r\n" + b"A: b\r\n" * LIMIT + b"\r\n"],
    "unterminated trailer": [TASK + b"0\r\nA: ", *[b"x" * 10_000] * 100],
    "unterminated chunk extension": [TASK + b"1;", *[b"x" * 10_000] * 100],
}


@pytest.mark.parametrize("parts", OVERHEAD.values(), ids=OVERHEAD)
def test_chunk_and_trailer_overhead_is_limited(
    strict_service: RunningService, writing_user: TestUser, parts: list[bytes]
) -> None:
    check_problem(exchange(strict_service, post(writing_user, CHUNKED), *parts, pause=0.01), 431, "HEADERS_TOO_LARGE")


def test_one_byte_chunks_and_trailers_are_accepted(strict_service: RunningService, writing_user: TestUser) -> None:
    body = json.dumps({"title": "x", "description": "y" * 2000}).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\nAuthorization: x\r\n\r\n"

    assert (
        parse_responses(exchange(strict_service, post(writing_user, CHUNKED), chunks[:5000], chunks[5000:], pause=0.05))[0][0]
        == 201
    )


@pytest.mark.parametrize("invalid_bytes", [b"\x00\x01\x02\r\n\r\n", b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"])
def test_non_http_bytes_return_problem_details(strict_service: RunningService, invalid_bytes: bytes) -> None:
    check_problem(exchange(strict_service, invalid_bytes), 400, "MALFORMED_REQUEST")


@pytest.mark.parametrize("line", [b"CONNECT example.com:80", b"GET http://example.com", b"GET http://example.com?a=b"])
@pytest.mark.parametrize("before", [[], [GET + b"\r\n"]], ids=["first request", "after another request"])
def test_invalid_request_target_returns_400(
    strict_service: RunningService, line: bytes, before: list[bytes], log: LogCapture
) -> None:
    received = exchange(strict_service, *before, line + b" HTTP/1.1\r\nHost: x\r\n\r\n", pause=0.2)

    check_problem(received[received.rindex(b"HTTP/1.1 ") :], 400, "MALFORMED_REQUEST")
    assert not any("example.com" in log_line for log_line in log.captured)


def test_pipelined_requests_are_answered_in_order_up_to_the_limit(strict_service: RunningService) -> None:
    responses = parse_responses(exchange(strict_service, (GET + b"\r\n") * 20 + LAST_GET + b"\r\n"))
    assert [status for status, _, _ in responses] == [200] * 21

    assert exchange(strict_service, (GET + b"\r\n") * 2000).count(b"HTTP/1.1 ") < 2000


def wait_until_closed(connection: socket.socket) -> None:
    """Wait until the server closes the connection; the kernel knows before unread data is received."""
    local_address = connection.getsockname()[:2]
    deadline = time.monotonic() + 30
    while any(
        other.raddr == local_address and other.status == psutil.CONN_ESTABLISHED for other in psutil.net_connections("tcp4")
    ):
        assert time.monotonic() < deadline, "the connection is still open"
        time.sleep(0.05)


def test_unread_response_closes_connection(strict_service: RunningService) -> None:
    request_count = StrictProtocol.max_pipelined
    with connected(strict_service) as connection:
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * request_count)
        wait_until_closed(connection)
        received = receive_all(connection)

    assert 0 < received.count(b"HTTP/1.1 200") < request_count
