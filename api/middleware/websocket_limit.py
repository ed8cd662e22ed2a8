"""How many WebSockets may be open: each keeps memory and a place in every broadcast for as long as its client likes."""

import uuid
from collections import Counter
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem
from services.errors import TodoError
from services.limits.addresses import network

PER_ADDRESS = 50
_RESPONSE = "websocket.http.response"


class TooManySockets(TodoError):
    """So many are open already that no other is accepted."""

    code, status, title = "TOO_MANY_SOCKETS", 503, "Too many connections"
    headers: Mapping[str, str] = {"Retry-After": "30"}


class SocketLimit:
    """Refuses sockets before they are accepted, where too many are open in this process or from the same address. Pure ASGI."""

    def __init__(self, app: ASGIApp, most: int, per_address: int = PER_ADDRESS) -> None:
        self._app = app
        self._most = most
        self._per_address = per_address
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        address, _ = scope.get("client") or ("", 0)
        place = network(address)
        if self._open[place] >= self._per_address:
            await _refuse(scope, receive, send, f"{self._per_address} sockets are open from your address; close one first.")
        elif self._open.total() >= self._most:
            await _refuse(scope, receive, send, "Too many sockets are open just now; try again later.")
        else:
            await self._serve(place, scope, receive, send)

    async def _serve(self, place: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._open[place] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[place] -= 1
            if not self._open[place]:
                del self._open[place]


async def _refuse(scope: Scope, receive: Receive, send: Send, detail: str) -> None:
    """Answer the handshake with a problem, where the server can do that; else it says no more than 403."""
    await receive()
    if _RESPONSE not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1013})
        return
    answer = problem(TooManySockets(detail), uuid.uuid4().hex)
    await send({"type": f"{_RESPONSE}.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": f"{_RESPONSE}.body", "body": bytes(answer.body)})
