"""Limit on the size of request bodies."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.middleware.base import HttpMiddleware
from api.problem_details import problem_response
from services.errors import PayloadTooLarge


class BodyLimitMiddleware(HttpMiddleware):
    """Rejects bodies that are too large, by their Content-Length or by the bytes received."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        super().__init__(app)
        self._max_bytes = max_bytes

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request."""
        too_large = PayloadTooLarge(f"The body is larger than {self._max_bytes} bytes.")
        content_length = Headers(scope=scope).get("content-length", "")
        if content_length.isdigit() and int(content_length) > self._max_bytes:
            await problem_response(too_large, scope["state"]["request_id"], {"Connection": "close"})(scope, receive, send)
            return
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise too_large
            return message

        await self._app(scope, receive_within_limit, send)
