"""Limit on open connections of one process, per address and in total.

Connections of trusted proxies count only towards the total, because each of them carries many clients. At the total, the
connection that is idle for the longest time is closed. WebSockets count too; they are never idle.
"""

import logging
from asyncio import Transport
from collections import Counter
from ipaddress import ip_address, ip_network

from services.logs.throttle import LogThrottle
from services.rate_limiting.network import network_key

_ALL_NETWORKS = "*"
_log = logging.getLogger("todo.http.connections")
_UNIX_SOCKET = ""  # its clients have no address


class ConnectionLimit:
    """Open connections of this process, and those of them that are idle, in the order in which they became idle."""

    def __init__(self, max_open: int, max_per_address: int, trusted_networks: str) -> None:
        self._max_open = max_open
        self._max_per_address = max_per_address
        self._trusts_all = trusted_networks == _ALL_NETWORKS
        self._trusted = [] if self._trusts_all else [ip_network(part.strip()) for part in trusted_networks.split(",")]
        self._keys: dict[Transport, str | None] = {}  # None: the connection of a trusted proxy
        self._open_per_key: Counter[str | None] = Counter()
        self._idle: dict[Transport, None] = {}
        self._throttle = LogThrottle()

    def open(self, transport: Transport, address: str) -> bool:
        """Count a new, idle connection. Return False if it must be refused."""
        key = None if self._is_trusted(address) else network_key(address)
        if key is not None and self._open_per_key[key] >= self._max_per_address:
            self._warn(f"connections refused: {self._max_per_address} of one address are open")
            return False
        if len(self._keys) >= self._max_open and not self._close_idle():
            self._warn(f"connections refused: {self._max_open} are open and none is idle")
            return False
        self._keys[transport] = key
        self._open_per_key[key] += 1
        self._idle[transport] = None
        return True

    def mark_busy(self, transport: Transport) -> None:
        """Record that a request of the connection is complete enough to be handled."""
        self._idle.pop(transport, None)

    def mark_idle(self, transport: Transport) -> None:
        """Record that all requests of the connection have their responses."""
        if transport in self._keys:
            self._idle[transport] = None

    def release(self, transport: Transport) -> None:
        """Stop counting a connection, if it is counted."""
        if transport not in self._keys:
            return
        key = self._keys.pop(transport)
        self._open_per_key[key] -= 1
        if not self._open_per_key[key]:
            del self._open_per_key[key]
        self._idle.pop(transport, None)

    def _close_idle(self) -> bool:
        """Close the connection that is idle for the longest time. Return False if none is idle."""
        transport = next(iter(self._idle), None)
        if transport is None:
            return False
        self._warn(f"idle connections closed: {self._max_open} are open")
        self.release(transport)
        transport.abort()
        return True

    def _warn(self, message: str) -> None:
        self._throttle.warning(_log, message, message)

    def _is_trusted(self, address: str) -> bool:
        if self._trusts_all or address == _UNIX_SOCKET:
            return True
        parsed = ip_address(address)
        return any(parsed in network for network in self._trusted)
