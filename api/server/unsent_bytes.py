"""Budget of response bytes that clients have not accepted yet, per caller and for the process.

Above a budget, the connection that made no progress for the longest time is closed: refusing further requests instead would let
two stalled devices lock out their user.
"""

import fcntl
import logging
import struct
import termios
from asyncio import Transport
from contextlib import suppress

from services.logs.throttle import LogThrottle

MAX_PER_CALLER = 32_000_000  # two of the largest responses
MAX_TOTAL = 128_000_000
_log = logging.getLogger("todo.http.connections")


class UnsentBytes:
    """Connections whose clients do not read fast enough, in the order of their last progress."""

    def __init__(self, max_per_caller: int, max_total: int) -> None:
        self._max_per_caller = max_per_caller
        self._max_total = max_total
        self._callers: dict[Transport, str] = {}
        self._throttle = LogThrottle()

    def add(self, transport: Transport, caller: str) -> None:
        """Count the bytes of a connection that has begun to wait for its client."""
        self._callers[transport] = caller
        self._enforce([other for other, its_caller in self._callers.items() if its_caller == caller], self._max_per_caller)
        self._enforce(list(self._callers), self._max_total)

    def mark_progress(self, transport: Transport) -> None:
        """Record that the client has accepted bytes."""
        if caller := self._callers.pop(transport, None):
            self._callers[transport] = caller

    def remove(self, transport: Transport) -> None:
        """Stop counting a connection, if it is counted."""
        self._callers.pop(transport, None)

    def _enforce(self, transports: list[Transport], limit: int) -> None:
        """Close connections until the others have at most `limit` unsent bytes."""
        excess = sum(transport.get_write_buffer_size() for transport in transports) - limit
        for transport in transports:
            if excess <= 0:
                return
            excess -= transport.get_write_buffer_size()
            self._throttle.warning(_log, "budget", "connections with unread responses closed: too many unsent bytes")
            self.remove(transport)
            transport.abort()


def unaccepted_bytes(transport: Transport) -> int:
    """Return how many bytes the client has not accepted, among them those that the operating system buffers."""
    buffered = 0
    with suppress(OSError, AttributeError):  # a closed connection; a system without this request
        answer = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        (buffered,) = struct.unpack("i", answer)
    return transport.get_write_buffer_size() + buffered
