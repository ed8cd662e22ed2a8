"""Limit on open WebSockets. Each one uses memory until its client disconnects."""

import uuid
from collections import Counter
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problem_details import problem_response
from services.errors import TodoError
from services.logs.unavailability import log_unavailability
from services.rate_limiting.network import network_key

MAX_PER_ADDRESS = 50
_RESPONSE = "websocket.http.response"


class TooManyWebSockets(TodoError):
    """The limit on open WebSockets is reached."""

    code, status, title = "TOO_MANY_SOCKETS", 503, "Too many connections"
    headers: Mapping[str, str] = {"Retry-After": "30"}


class WebSocketLimitMiddleware:
    """Rejects WebSockets before the handshake if too many are open in this process or from the same address."""

    def __init__(self, app: ASGIApp, max_open: int, max_per_address: int = MAX_PER_ADDRESS) -> None:
        self._app = app
        self._max_open = max_open
        self._max_per_address = max_per_address
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        address, _ = scope.get("client") or ("", 0)
        key = network_key(address)
        if self._open[key] >= self._max_per_address:
            await _reject(
                scope, receive, send, f"The limit of {self._max_per_address} WebSockets per address is reached; close one first."
            )
        elif self._open.total() >= self._max_open:
            await _reject(scope, receive, send, "Too many WebSockets are open; retry later.")
        else:
            await self._handle(key, scope, receive, send)

    async def _handle(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._open[key] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]


async def _reject(scope: Scope, receive: Receive, send: Send, detail: str) -> None:
    """Send a problem in response to the handshake if the server supports that, else close the connection (403)."""
    error = TooManyWebSockets(detail)
    log_unavailability(error)
    await receive()
    if _RESPONSE not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1013})
        return
    response = problem_response(error, uuid.uuid4().hex)
    await send({"type": f"{_RESPONSE}.start", "status": response.status_code, "headers": response.raw_headers})
    await send({"type": f"{_RESPONSE}.body", "body": bytes(response.body)})
