"""Authentication, request quota and concurrency limit: once per request."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.authentication import authenticate, container_from_scope
from api.middleware.base import HttpMiddleware
from services.errors import RateLimited, TodoError

_METHODS_WITH_BODY = {"POST", "PUT", "PATCH"}


class AuthenticationMiddleware(HttpMiddleware):
    """Authenticates a request, consumes quota and acquires a slot of the user, before the endpoint parses the request.

    It wraps single routes, not the app: unmetered routes, unknown paths and unsupported methods need neither quota nor slot.
    Anonymous requests need no slot either, because without a user no request holds a database connection for long.
    """

    def __init__(self, app: ASGIApp, on_error: Callable[[Request, RateLimited], Response] | None = None) -> None:
        super().__init__(app)
        self._on_error = on_error

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request. Raises RateLimited if there is no `on_error`, PayloadTooLarge, ClientDisconnect."""
        async with AsyncExitStack() as stack:
            try:
                authentication = await authenticate(scope)
                if not isinstance(authentication, TodoError):
                    if scope["method"] in _METHODS_WITH_BODY:
                        receive = _replay(await Request(scope, receive).body(), receive)
                    slots = container_from_scope(scope).user_slots
                    release = await stack.enter_async_context(slots.hold(scope["state"], authentication.user_id))
                    send = _release_before(release, send)
            except RateLimited as error:
                if self._on_error is None:
                    raise
                await self._on_error(Request(scope), error)(scope, receive, send)
                return
            await self._app(scope, receive, send)


def _release_before(release: Callable[[], Awaitable[None]], send: Send) -> Send:
    """Return a send function that releases the slot when the response begins.

    So slow readers hold no slot. Neither do slow uploads, because the body was received before.
    """

    async def release_and_send(message: Message) -> None:
        await release()
        await send(message)

    return release_and_send


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive function that first returns the body."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay_or_receive() -> Message:
        return messages.pop() if messages else await receive()

    return replay_or_receive
