"""Authentication, request quota and concurrency limit: once per request."""

from asyncio import Semaphore
from collections.abc import Callable

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
        if scope["method"] in _METHODS_WITH_BODY:
            receive = _replay(await Request(scope, receive).body(), receive)
        slots = container_from_scope(scope).concurrency_limit.slots(authentication.user_id)
        await self._handle_in_slot(slots, scope, receive, send)

    async def _handle_in_slot(self, slots: Semaphore, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the endpoint in a slot, and release the slot when the response begins.

        So slow readers hold no slot. Neither do slow uploads, because the body was received before.
        """
        is_held: bool = await slots.acquire()

        async def release_and_send(message: Message) -> None:
            nonlocal is_held
            if is_held:
                is_held = False
                slots.release()
            await send(message)

        try:
            await self._app(scope, receive, release_and_send)
        finally:
            if is_held:
                slots.release()


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive function that first returns the body."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay_or_receive() -> Message:
        return messages.pop() if messages else await receive()

    return replay_or_receive
