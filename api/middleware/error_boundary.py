"""Error boundary: the response to unhandled exceptions."""

import logging

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from api.middleware.base import HttpMiddleware
from api.problem_details import InternalError, problem_response

error_log = logging.getLogger("todo.http.error")


class ErrorBoundaryMiddleware(HttpMiddleware):
    """Logs an unhandled exception with its traceback and sends a 500 response without details.

    It is inside the CORS middleware, so that browsers can read the response.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request."""
        is_started = False

        async def send_and_record_start(message: Message) -> None:
            nonlocal is_started
            is_started = is_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_record_start)
        except ClientDisconnect:
            pass  # There is no client to respond to.
        except Exception:
            request_id = scope["state"]["request_id"]
            error_log.exception("unhandled exception")
            if is_started:
                raise
            await problem_response(InternalError(), request_id)(scope, receive, send)
