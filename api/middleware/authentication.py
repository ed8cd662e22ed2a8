"""Authentication, request quota and concurrency limit of each request."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.authentication import authenticate, container_from_scope
from api.concurrency_limit import Slot
from api.middleware.base import HttpMiddleware
from services.errors import RateLimited, TodoError

_METHODS_WITH_BODY = {"POST", "PUT", "PATCH"}


class AuthenticationMiddleware(HttpMiddleware):
    """Authenticates a request, counts it and lets it wait for a slot of its user, before the endpoint parses anything.

    It wraps single routes. What matches none of them (unmetered routes, unknown paths, other methods) is not counted.
    Anonymous requests need no slot: without a user nothing holds a database connection for long.
    """

    def __init__(self, app: ASGIApp, on_error: Callable[[Request, RateLimited], Response] | None = None) -> None:
        super().__init__(app)
        self._on_error = on_error

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request. Raises RateLimited without `on_error`, PayloadTooLarge, ClientDisconnect."""
        try:
            authentication = await authenticate(scope)
        except RateLimited as error:
            if self._on_error is None:
                raise
            await self._on_error(Request(scope), error)(scope, receive, send)
            return
        if isinstance(authentication, TodoError):
            await self._app(scope, receive, send)
            return
        if _has_body(scope):
            receive = _replay(await Request(scope, receive).body(), receive)
        async with container_from_scope(scope).concurrency_limit.slot(authentication.user_id) as slot:
            await self._app(scope, receive, _releasing(slot, send))


def _has_body(scope: Scope) -> bool:
    """Return whether a body may follow that an endpoint reads: it is received before the request takes a slot."""
    return scope["method"] in _METHODS_WITH_BODY and any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in scope["headers"]
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive channel that begins with the body."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


def _releasing(slot: Slot, send: Send) -> Send:
    """Return a send channel that releases the slot once there is a response: a slow reader holds none."""

    async def release_and_send(message: Message) -> None:
        slot.release()
        await send(message)

    return release_and_send
