"""Attacks on connections: idle sockets, repeated large documents and many logins."""

import asyncio
from collections import Counter
from contextlib import suppress
from urllib.parse import urlsplit

IDLE_SOCKETS, IDLE_ADDRESSES = 1100, 3
NEW_SOCKETS = 189
DOCUMENTS = 400
LOGINS = 500
_TIMEOUT = 60.0
_LOGIN_BODY = "username=unknown.{number}@example.com&password=wrong+password"
_LOGIN = (
    "POST /api/auth/login HTTP/1.1\r\nHost: attacked\r\nConnection: close\r\nX-Forwarded-For: {address}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
)
_GET = "GET {path} HTTP/1.1\r\nHost: attacked\r\nConnection: close\r\n\r\n"

Statuses = Counter[str]  # responses by status; "closed" is a connection without a response


async def open_idle_sockets(url: str) -> Statuses:
    """Open sockets that send nothing, from a few addresses. Return the responses to new connections of one other address."""
    idle = [await _connect(url, f"127.0.1.{1 + number % IDLE_ADDRESSES}") for number in range(IDLE_SOCKETS)]
    try:
        request = _GET.format(path="/health")
        return Counter([await _exchange(url, request, "127.0.2.1") for _ in range(NEW_SOCKETS)])
    finally:
        for writer in idle:
            writer.close()


async def request_openapi_document(url: str) -> Statuses:
    """Request the largest constant document, on concurrent connections."""
    request = _GET.format(path="/openapi.json")
    return Counter(await asyncio.gather(*(_exchange(url, request) for _ in range(DOCUMENTS))))


async def log_in_from_many_addresses(url: str) -> Statuses:
    """Send logins with unknown e-mails, each from its own address. The service must trust X-Forwarded-For of 127.0.0.1."""
    bodies = [_LOGIN_BODY.format(number=number) for number in range(LOGINS)]
    requests = [
        _LOGIN.format(address=f"203.0.{number // 250}.{number % 250}", length=len(body), body=body)
        for number, body in enumerate(bodies)
    ]
    return Counter(await asyncio.gather(*(_exchange(url, request) for request in requests)))


async def _connect(url: str, address: str) -> asyncio.StreamWriter:
    parts = urlsplit(url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port, local_addr=(address, 0))
    return writer


async def _exchange(url: str, request: str, address: str = "127.0.0.1") -> str:
    """Send a request on a new connection and return the status of its response."""
    parts = urlsplit(url)
    received = b""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_TIMEOUT):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port, local_addr=(address, 0))
            try:
                writer.write(request.encode())
                received = await reader.read()
            finally:
                writer.close()
    return received[9:12].decode() or "closed"
