"""HTTP client of the attacks: one request per connection, from any address of the loopback network."""

import asyncio
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

CLOSED = 0  # instead of the status: a connection without a response
_TIMEOUT = 120.0  # seconds


class Response(NamedTuple):
    """Status and body of a response."""

    status: int
    body: bytes


async def connect(url: str, address: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the service from an address."""
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port, local_addr=(address, 0))


async def exchange(url: str, request: str, address: str = "127.0.0.1") -> Response:
    """Send a request with `Connection: close` and return its response."""
    received = b""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_TIMEOUT):
            reader, writer = await connect(url, address)
            try:
                writer.write(request.encode())
                received = await reader.read()
            finally:
                writer.close()
    return Response(int(received[9:12] or CLOSED), received.partition(b"\r\n\r\n")[2])
