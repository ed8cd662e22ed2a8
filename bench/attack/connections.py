"""Attacks on connections: idle sockets, repeated large documents and many logins."""

import asyncio

from bench.attack.http_client import connect, exchange

IDLE_SOCKETS, IDLE_ADDRESSES = 1100, 3
NEW_SOCKETS = 189
DOCUMENTS = 400
LOGINS = 500
_LOGIN_BODY = "username=unknown.{number}@example.com&password=wrong+password"
_LOGIN = (
    "POST /api/auth/login HTTP/1.1\r\nHost: attacked\r\nConnection: close\r\nX-Forwarded-For: {address}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
)
_GET = "GET {path} HTTP/1.1\r\nHost: attacked\r\nConnection: close\r\n\r\n"


async def open_idle_sockets(url: str) -> list[int]:
    """Open sockets that send nothing, from a few addresses. Return the responses to new connections of one other address."""
    idle = [(await connect(url, f"127.0.1.{1 + number % IDLE_ADDRESSES}"))[1] for number in range(IDLE_SOCKETS)]
    try:
        request = _GET.format(path="/health")
        return [(await exchange(url, request, "127.0.2.1")).status for _ in range(NEW_SOCKETS)]
    finally:
        for writer in idle:
            writer.close()


async def request_openapi_document(url: str) -> list[int]:
    """Request the largest constant document, on concurrent connections."""
    request = _GET.format(path="/openapi.json")
    return [response.status for response in await asyncio.gather(*(exchange(url, request) for _ in range(DOCUMENTS)))]


async def log_in_from_many_addresses(url: str) -> list[int]:
    """Send logins with unknown e-mails, each from its own address. The service must trust X-Forwarded-For of 127.0.0.1."""
    bodies = [_LOGIN_BODY.format(number=number) for number in range(LOGINS)]
    requests = [
        _LOGIN.format(address=f"203.0.{number // 250}.{number % 250}", length=len(body), body=body)
        for number, body in enumerate(bodies)
    ]
    return [response.status for response in await asyncio.gather(*(exchange(url, request) for request in requests))]
