"""Request ids and the access log."""

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from api.logging import current_request_id
from api.middleware.base import HttpMiddleware
from models.sql.statement_counter import count_statements

_VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

access_log = logging.getLogger("todo.http.access")


class RequestLoggingMiddleware(HttpMiddleware):
    """Reads the request id from its header or creates one, returns it, and logs one line when the request is completed."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request."""
        started = time.perf_counter()
        sent_id = Headers(scope=scope).get("x-request-id", "")
        request_id = sent_id if _VALID_REQUEST_ID.fullmatch(sent_id) else uuid.uuid4().hex
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        current_request_id.set(request_id)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        with count_statements() as statements:
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                access_log.info(
                    "request completed",
                    extra={
                        "request_id": request_id,
                        "user_id": state.get("user_id"),
                        "method": scope["method"],
                        "route": getattr(scope.get("route"), "path", None),
                        "graphql_operation": state.get("graphql_operation"),
                        "status": status or None,
                        "duration_ms": round((time.perf_counter() - started) * 1000, 2),
                        "sql_statements": statements.count,
                    },
                )
