"""HTTP over raw connections: bytes to send, and the responses in the received bytes."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.support.service import RunningService


@contextmanager
def connected(service: RunningService) -> Iterator[socket.socket]:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", int(service.url.rsplit(":", 1)[1])))
        yield connection


def receive_all(connection: socket.socket) -> bytes:
    """Return all bytes until the connection is closed or reset."""
    parts = []
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def exchange(service: RunningService, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send the parts until the server stops reading, and return all bytes that it sends."""
    with connected(service) as connection:
        with suppress(OSError):
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        return receive_all(connection)


def parse_responses(received: bytes) -> list[tuple[int, dict[str, str], Any]]:
    """Return the responses: status, headers, body."""
    responses = []
    while received:
        head, _, remaining = received.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers["content-length"])
        responses.append((int(first.split()[1]), headers, json.loads(remaining[:length])))
        received = remaining[length:]
    return responses
