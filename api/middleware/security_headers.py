"""Security headers of every response. Pages add a Content-Security-Policy (api/web/page.py)."""

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from api.middleware.base import HttpMiddleware

NOSNIFF = {"X-Content-Type-Options": "nosniff"}


class SecurityHeadersMiddleware(HttpMiddleware):
    """Forbids browsers to guess the media type of a response, for example to run JSON as a script."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(NOSNIFF)
            await send(message)

        await self._app(scope, receive, send_with_headers)
