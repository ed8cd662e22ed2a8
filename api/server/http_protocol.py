"""HTTP protocol of uvicorn (httptools) with limits on the size and duration of requests, and on unread responses.

uvicorn stores request headers of any length, and waits without a timeout for the rest of the headers, for the rest of the body
and for clients to read their responses. LimitedHttpProtocol rejects a request that exceeds a limit with problem details, if the
client can still interpret them, and closes the connection.
"""

from asyncio import Transport
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, ClassVar, NoReturn

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.server.host_header import check_host
from api.server.process_limits import PROCESS_LIMITS, ProcessLimits
from api.server.protocol_errors import HeadersTooLarge, MalformedRequest, RequestTimeout, error_response_bytes
from api.server.request_parser import RequestParser
from api.server.timer import Timer
from api.server.unsent_bytes import unaccepted_bytes
from services.errors import TodoError
from services.rate_limiting.network import network_key

_VERSIONS_BEFORE_1_1 = {"0.9", "1.0"}
_PROGRESS_CHECKS = 4  # of an unread response within its timeout
_HANDSHAKE_HEADERS = {b"upgrade", b"content-length", b"transfer-encoding"}


class Phase(Enum):
    """Part of a request that the next received bytes belong to."""

    IDLE = "between requests"
    HEADERS = "request line and headers"
    BODY = "body and trailers"


class RequestRejectedError(Exception):
    """Raised in a callback of the parser to stop it. The protocol stores the error for the client."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection. Its timers run only while a request is incomplete or a response is unread."""

    max_header_bytes: ClassVar[int] = 32 * 1024  # request line and headers; the same limit applies to trailers
    header_timeout_seconds: ClassVar[float] = 20.0  # first to last byte of the headers, and connection to first byte
    min_body_bytes_per_second: ClassVar[int] = 1000  # on average, after `header_timeout_seconds`
    max_overhead_per_body_byte: ClassVar[int] = 6  # chunked encoding; a chunk of one byte has an overhead of five
    write_timeout_seconds: ClassVar[float] = 20.0  # in which a client must accept a byte
    max_pipelined: ClassVar[int] = 100
    close_delay_seconds: ClassVar[float] = 1.0  # closing immediately would reset the connection and lose the error response

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser: RequestParser = RequestParser(self, self._head_without_offer)  # type: ignore[assignment] # same methods
        limits: ProcessLimits = self.app_state[PROCESS_LIMITS]
        self._connections, self._paced_start, self._unsent = limits.connections, limits.paced_start, limits.unsent_bytes
        self._deferred_start: Callable[[], None] | None = None
        self._unaccepted = 0  # bytes, when the client last made progress
        self._progress_at = 0.0
        self._is_upgrading = False
        self._phase = Phase.IDLE
        self._request_started_at: float | None = None  # of the incomplete request, in the event loop's time
        self._request_count = 0
        self._received_size = 0  # bytes of the current call of data_received
        self._reset_sizes()
        self._parser_error: TodoError | None = None
        self._is_rejected = False
        self._request_timer = Timer(self.loop, self._on_request_timeout)
        self._write_timer = Timer(self.loop, self._on_write_timeout)

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # uvicorn narrows it likewise
        """Start the timeout of the first request, or close a connection above the limits without a response."""
        super().connection_made(transport)
        if not self._connections.open(transport, self.client[0] if self.client else ""):
            transport.abort()
            return
        self._request_timer.start(self.loop.time() + self.header_timeout_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers, and stop counting the connection."""
        self._cancel_timers()
        self._connections.release(self.transport)
        self._unsent.remove(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes and check the limits."""
        if self._is_rejected:
            return
        if self._request_started_at is None:
            self._request_started_at = self.loop.time()
        before = self._phase, self._request_count, self._body_size
        self._received_size = len(data)
        super().data_received(data)
        if not self._is_rejected and not self.transport.is_closing():
            self._count_bytes(*before)
            self._schedule_timeout()

    def on_message_begin(self) -> None:
        """Reset the sizes for a new request."""
        super().on_message_begin()
        self._phase = Phase.HEADERS
        self._request_started_at = self._request_started_at or self.loop.time()
        self._request_count += 1
        self._reset_sizes()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header. Trailers are counted and discarded. Raises RequestRejectedError."""
        if self._phase is Phase.HEADERS:
            super().on_header(name, value)
            return
        self._trailers_size += len(name) + len(value)
        if self._trailers_size > self.max_header_bytes:
            self._stop_parser(HeadersTooLarge(f"The trailers exceed {self.max_header_bytes} bytes."))

    def on_headers_complete(self) -> None:
        """Start the request if the headers are within the limits. Raises RequestRejectedError."""
        if self._headers_size + self._received_size > self.max_header_bytes:
            size = len(self.url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)
            if size > self.max_header_bytes:
                self._stop_parser(HeadersTooLarge(self._headers_too_large))
        is_http_1_1 = self.parser.get_http_version() not in _VERSIONS_BEFORE_1_1
        self._check_host(is_required=is_http_1_1)
        self.expect_100_continue = self.expect_100_continue and is_http_1_1
        if self.parser.get_method() == b"CONNECT":
            self._stop_parser(MalformedRequest("CONNECT is not supported."))
        self._is_upgrading = self.parser.should_upgrade() and self._is_websocket_handshake()
        if self._is_offer_ignored:
            return
        super().on_headers_complete()  # stops the parser if the request target is invalid
        self._phase = Phase.BODY
        if len(self.pipeline) > self.max_pipelined:
            self._stop_parser(HeadersTooLarge(f"More than {self.max_pipelined} pipelined requests."))

    def on_body(self, body: bytes) -> None:
        """Count and store a part of the body."""
        self._body_size += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Record that no request is incomplete, unless the request is read again without its upgrade offer."""
        if self._is_offer_ignored:
            return
        self._phase = Phase.IDLE
        self._request_started_at = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start the next pipelined request; without one, the connection is idle when the client has read the response."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch_progress()
        elif self.flow.write_paused:
            self.flow.pause_reading()
        self._mark_idle_if_responded()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection."""
        self._close()

    def handle_websocket_upgrade(self) -> None:
        """Stop all timers and pass the connection to the WebSocket protocol."""
        self._cancel_timers()
        self._connections.mark_busy(self.transport)
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Reject a request that stopped the parser."""
        self._reject(self._parser_error or MalformedRequest("Malformed HTTP request."))

    def pause_writing(self) -> None:
        """Start the timeout of an unread response, and count its bytes. No further request is read until they are sent."""
        super().pause_writing()
        self.flow.pause_reading()
        self._watch_progress()
        self._unsent.add(self.transport, self._caller())

    def resume_writing(self) -> None:
        """Stop the timeout of an unread response: the client has read. Start the request that waited for that."""
        super().resume_writing()
        self._unsent.remove(self.transport)
        if self.transport.is_closing():
            return
        self._write_timer.cancel()
        self.flow.resume_reading()
        self._mark_idle_if_responded()
        start, self._deferred_start = self._deferred_start, None
        if start is not None:
            start()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._connections.mark_busy(self.transport)
        if self.flow.write_paused:
            self._deferred_start = partial(self._start_asgi_task, cycle, app)
        elif any(name == b"authorization" for name, _ in cycle.scope["headers"]):
            super()._start_asgi_task(cycle, app)
        else:
            self._paced_start.start(partial(super()._start_asgi_task, cycle, app))

    def _mark_idle_if_responded(self) -> None:
        if self.cycle.response_complete and not self.flow.write_paused:
            self._connections.mark_idle(self.transport)

    def _check_host(self, *, is_required: bool) -> None:
        try:
            check_host([value for name, value in self.headers if name == b"host"], is_required=is_required)
        except MalformedRequest as error:
            self._stop_parser(error)

    def _should_upgrade(self) -> bool:
        return self._is_upgrading

    @property
    def _is_offer_ignored(self) -> bool:
        return self.parser.should_upgrade() and not self._is_upgrading

    def _is_websocket_handshake(self) -> bool:
        """Return whether the request opens a WebSocket (RFC 6455, 4.1): GET of HTTP/1.1, without a body or pending responses."""
        values = {name: value for name, value in self.headers if name in _HANDSHAKE_HEADERS}
        return (
            self.parser.get_method() == b"GET"
            and self.parser.get_http_version() == "1.1"
            and values.get(b"upgrade", b"").strip().lower() == b"websocket"
            and values.get(b"content-length", b"0").strip() == b"0"
            and b"transfer-encoding" not in values
            and not self._is_responding()
            and self._should_upgrade_to_ws()
        )

    def _head_without_offer(self) -> bytes | None:
        """Return the request line and headers without Upgrade; None if the connection is upgraded."""
        if self._is_upgrading:
            return None
        line = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        headers = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        return b"".join([line, *headers, b"\r\n"])

    @property
    def _headers_too_large(self) -> str:
        return f"The request line and headers exceed {self.max_header_bytes} bytes."

    def _reset_sizes(self) -> None:
        """Reset the sizes of the parts of a request, in bytes. The overhead is that of the chunked encoding."""
        self._headers_size = self._body_size = self._overhead_size = self._trailers_size = 0

    def _stop_parser(self, error: TodoError) -> NoReturn:
        """Stop the parser, which then calls send_400_response. Raises RequestRejectedError."""
        self._parser_error = error
        raise RequestRejectedError

    def _count_bytes(self, phase: Phase, request_count: int, body_size: int) -> None:
        """Count bytes that cause no parser callback, if all received bytes belong to one request. Reject excess.

        The parameters are the values before the bytes were received.
        """
        if self._request_count - request_count > (phase is Phase.IDLE):
            return
        if self._phase is Phase.HEADERS:
            self._headers_size += self._received_size
            if self._headers_size > self.max_header_bytes:
                self._reject(HeadersTooLarge(self._headers_too_large))
        elif self._phase is phase is Phase.BODY:
            self._overhead_size += self._received_size - (self._body_size - body_size)
            if self._overhead_size > self.max_header_bytes + self.max_overhead_per_body_byte * self._body_size:
                self._reject(HeadersTooLarge("Chunked encoding overhead is too large."))

    def _schedule_timeout(self) -> None:
        """Start the request timer if a request is incomplete, else stop it."""
        if self._request_started_at is None:
            self._request_timer.cancel()
        elif not self._request_timer.is_active and not self._is_rejected:
            self._request_timer.start(self._deadline(self._request_started_at))

    def _deadline(self, started_at: float) -> float:
        """Return the time at which the request must be complete; every received byte of the body extends it."""
        return started_at + self.header_timeout_seconds + self._body_size / self.min_body_bytes_per_second

    def _on_request_timeout(self) -> None:
        """Close an idle connection; reject an overdue request, unless the service itself delays it."""
        now = self.loop.time()
        if self._request_started_at is None:
            self._close()
        elif self.flow.read_paused or (self._phase is not Phase.BODY and self._is_responding()):
            self._request_timer.start(now + self.header_timeout_seconds)
        elif (deadline := self._deadline(self._request_started_at)) > now:
            self._request_timer.start(deadline)
        else:
            self._reject(RequestTimeout("Timed out waiting for the rest of the request."))

    def _on_write_timeout(self) -> None:
        """Close the connection and discard the unread response, unless the client has accepted a part of it."""
        now, unaccepted = self.loop.time(), unaccepted_bytes(self.transport)
        if unaccepted < self._unaccepted:
            self._unaccepted, self._progress_at = unaccepted, now
            self._unsent.mark_progress(self.transport)
        if now - self._progress_at >= self.write_timeout_seconds:
            self.transport.abort()
        else:
            self._write_timer.start(now + self.write_timeout_seconds / _PROGRESS_CHECKS)

    def _watch_progress(self) -> None:
        """Check from now on that the client accepts bytes."""
        self._unaccepted, self._progress_at = unaccepted_bytes(self.transport), self.loop.time()
        self._write_timer.start(self._progress_at + self.write_timeout_seconds / _PROGRESS_CHECKS)

    def _close(self) -> None:
        """Close the connection when the client has accepted all bytes, if it does so in time."""
        if not self.transport.is_closing():
            self.transport.close()
            self._watch_progress()

    def _caller(self) -> str:
        """Return the user of the current request, or the network of its client."""
        scope = self.cycle.scope
        address, _ = scope.get("client") or ("", 0)
        user_id: str | None = scope["state"].get("user_id")
        return user_id or network_key(address)

    def _is_responding(self) -> bool:
        """Return whether another response is pending or has begun, so that the client would misread an error response."""
        if self._phase is Phase.BODY:
            return bool(self.pipeline) or self.cycle.response_started
        return self.cycle is not None and not self.cycle.response_complete

    def _reject(self, error: TodoError) -> None:
        """Send the error unless a response is pending, close the connection and ignore further bytes."""
        self._is_rejected = True
        self._cancel_timers()
        self._unset_keepalive_if_required()
        if self._is_responding():
            self._close()
            return
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(error_response_bytes(error, self.server_state.default_headers))
        self.loop.call_later(self.close_delay_seconds, self._close)

    def _cancel_timers(self) -> None:
        self._request_timer.cancel()
        self._write_timer.cancel()
