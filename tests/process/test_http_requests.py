"""HTTP requests that are parsed specially: upgrade offers, the Host header, HTTP/1.0."""

import base64

import pytest

from tests.support.api_clients import RestClient
from tests.support.raw_http import connected, exchange, parse_responses
from tests.support.service import RunningService
from tests.support.users import TestUser

OFFERS = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: " + base64.b64encode(b"0" * 16) + b"\r\n",
    "two lines": b"Connection: keep-alive\r\nConnection: upgrade\r\nUpgrade: TLS/1.0\r\nUpgrade: websocket\r\n",
    "close": b"Connection: Upgrade, close\r\nUpgrade: h2c\r\n",
}
SMUGGLED = b"DELETE /api/me/tasks HTTP/1.1\r\nHost: smuggled\r\nX-Request-Id: smuggled\r\n\r\n"
CLOSE = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def post(user: TestUser, offer: bytes, body: bytes, *, chunked: bool) -> tuple[bytes, bytes]:
    """Return the head and the body of a request that creates a task."""
    head = b"POST /api/me/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %b\r\n%b%b\r\n\r\n"
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    return head % (user.token.encode(), offer, framing), b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("chunked", [False, True], ids=["content length", "chunked"])
@pytest.mark.parametrize("pause", [None, 0.2], ids=["one packet", "two packets"])
def test_upgrade_offer_with_body_is_ignored(
    service: RunningService, user: TestUser, rest_client: RestClient, *, offer: bytes, chunked: bool, pause: float | None
) -> None:
    head, body = post(user, offer, b'{"title": "kept"}', chunked=chunked)
    parts = [head + body + CLOSE] if pause is None else [head, body + CLOSE]

    responses = parse_responses(exchange(service, *parts, pause=pause or 0))

    # A request after `Connection: close` is not read.
    assert [status for status, _, _ in responses] == ([201] if b"close" in offer else [201, 200])
    assert [task["title"] for task in rest_client.page("task")] == ["kept"]


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("chunked", [False, True], ids=["content length", "chunked"])
def test_body_after_upgrade_offer_is_not_parsed_as_a_request(
    service: RunningService, user: TestUser, offer: bytes, chunked: bool
) -> None:
    head, body = post(user, offer, SMUGGLED, chunked=chunked)

    responses = parse_responses(exchange(service, head, body, CLOSE, pause=0.1))

    assert [status for status, _, _ in responses] == ([422] if b"close" in offer else [422, 200])
    assert all(headers["x-request-id"] != "smuggled" for _, headers, _ in responses)


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("body", [b"Content-Length: 4\r\n\r\nbody", b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"])
def test_get_with_upgrade_offer_and_body_is_an_ordinary_request(service: RunningService, offer: bytes, body: bytes) -> None:
    responses = parse_responses(exchange(service, b"GET /health HTTP/1.1\r\nHost: x\r\n" + offer + body + CLOSE))

    assert [status for status, _, _ in responses] == ([200] if b"close" in offer else [200, 200])


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_upgrade_offers_of_pipelined_requests_are_ignored(service: RunningService, version: bytes) -> None:
    count = 1 if version == b"1.0" else 20
    request = b"GET /health HTTP/" + version + b"\r\nHost: x\r\n" + OFFERS["h2c"] + b"\r\n"

    assert [status for status, _, _ in parse_responses(exchange(service, request * count + CLOSE))][:count] == [200] * count


def test_websocket_handshake_after_a_pending_request_is_an_ordinary_request(service: RunningService) -> None:
    handshake = b"GET /health HTTP/1.1\r\nHost: x\r\n" + OFFERS["websocket"] + b"\r\n"

    responses = parse_responses(exchange(service, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + handshake + CLOSE))

    assert [status for status, _, _ in responses] == [200, 200, 200]


def test_websocket_handshake_reaches_the_websocket_protocol(service: RunningService) -> None:
    with connected(service) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n" + OFFERS["websocket"] + b"\r\n")

        assert connection.recv(100).startswith(b"HTTP/1.1 403 ")


def test_connect_with_a_body_closes_the_connection(service: RunningService) -> None:
    request = b"CONNECT /health HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED)

    ((status, headers, problem),) = parse_responses(exchange(service, request, SMUGGLED, pause=0.1))

    assert (status, problem["error_code"], headers["connection"]) == (400, "MALFORMED_REQUEST", "close")


VALID_HOSTS = [
    b"x",
    b"x:80",
    b"x:",
    b"",
    b" x\t",
    b"127.0.0.1:8000",
    b"[::1]",
    b"[::ffff:1.2.3.4]:80",
    b"[v1.a:b]",
    b"a_b.c-d%C3%A4",
]
INVALID_HOSTS = {
    "space": b"Host: a b",
    "path": b"Host: a/b",
    "user": b"Host: a@b",
    "scheme": b"Host: http://a",
    "port": b"Host: a:b",
    "two ports": b"Host: a:1:2",
    "port out of range": b"Host: a:65536",
    "long port": b"Host: a:" + b"1" * 5000,
    "query": b"Host: a?b",
    "non-ASCII": "Host: ä".encode(),
    "unclosed bracket": b"Host: [::1",
    "no address in brackets": b"Host: [:::]",
    "incomplete escape": b"Host: a%2",
    "two": b"Host: x\r\nHost: x",
    "two with different case": b"Host: x\r\nhOST: y",
}


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("host", VALID_HOSTS)
def test_valid_host_is_accepted(service: RunningService, version: bytes, host: bytes) -> None:
    request = b"GET /health HTTP/" + version + b"\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"

    assert [status for status, _, _ in parse_responses(exchange(service, request))] == [200]


@pytest.mark.parametrize("host", INVALID_HOSTS.values(), ids=INVALID_HOSTS)
@pytest.mark.parametrize("version_and_offer", [b"1.0\r\n", b"1.1\r\n", b"1.1\r\n" + OFFERS["websocket"]])
def test_invalid_host_returns_400(service: RunningService, host: bytes, version_and_offer: bytes) -> None:
    request = b"GET /health HTTP/" + version_and_offer + host + b"\r\n\r\n"

    ((status, headers, problem),) = parse_responses(exchange(service, request))

    assert (status, problem["error_code"], headers["connection"]) == (400, "MALFORMED_REQUEST", "close")
    assert "Host header" in problem["detail"]


@pytest.mark.parametrize(("version", "status"), [(b"0.9", 200), (b"1.0", 200), (b"1.1", 400)])
def test_only_http_1_1_requires_a_host(service: RunningService, version: bytes, status: int) -> None:
    request = b"GET /health HTTP/" + version + b"\r\nConnection: close\r\n\r\n"

    assert [received for received, _, _ in parse_responses(exchange(service, request))] == [status]


@pytest.mark.parametrize(("version", "is_sent"), [(b"1.0", False), (b"1.1", True)])
def test_100_continue_is_sent_only_to_http_1_1(service: RunningService, version: bytes, is_sent: bool) -> None:
    head = b"POST /api/auth/register HTTP/" + version + b"\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    received = exchange(service, head + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", b"{}", pause=0.3)

    assert received.startswith(b"HTTP/1.1 100 ") is is_sent
    assert received.count(b"HTTP/1.1 4") == 1
