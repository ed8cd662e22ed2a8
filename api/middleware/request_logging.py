"""What surrounds every request: its id, its log line, the size of its body, and the answer to a crash."""

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.logs import current_request_id
from api.middleware.base import HttpMiddleware
from api.problems import InternalError, problem
from models.statements import counting_statements
from services.errors import PayloadTooLarge

_ACCEPTABLE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

access_log = logging.getLogger("todo.access")
error_log = logging.getLogger("todo.error")


class RequestLog(HttpMiddleware):
    """Takes or makes the request's id, puts it on the answer, and writes one line about the request when it is over."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = time.perf_counter()
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _ACCEPTABLE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
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

        with counting_statements() as statements:
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                access_log.info(
                    "request",
                    extra={
                        "request_id": request_id,
                        "user_id": state.get("user_id"),
                        "method": scope["method"],
                        "route": getattr(scope.get("route"), "path", None) or state.get("route"),
                        "operation": state.get("operation"),
                        "status": status or None,
                        "duration_ms": round((time.perf_counter() - started) * 1000, 2),
                        "sql": statements.count,
                    },
                )


class BodyLimit(HttpMiddleware):
    """Refuses bodies that are too large, by what they announce and by what they turn out to be."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        super().__init__(app)
        self._max_bytes = max_bytes

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        too_large = PayloadTooLarge(f"The body is larger than {self._max_bytes} bytes.")
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > self._max_bytes:
            await problem(too_large, scope["state"]["request_id"], {"Connection": "close"})(scope, receive, send)
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


class LastResort(HttpMiddleware):
    """Turns a crash into a masked 500, inside CORS so that browsers may read it, and into a log line with its traceback."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except ClientDisconnect:
            pass  # nobody is there to answer to
        except Exception:
            request_id = scope["state"]["request_id"]
            error_log.exception("unexpected error")
            if started:
                raise
            await problem(InternalError(), request_id)(scope, receive, send)
