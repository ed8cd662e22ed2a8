"""What a client may send before there is a request: uvicorn's protocol on httptools, which has no limits of its own.

That one keeps a head of any length in memory, and waits for ever for its end, for a body's end and for somebody to read its
answers. Here all of that has an end; whoever exceeds it is told so, where that is still possible, and disconnected.
"""

from asyncio import Transport
from enum import Enum
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.server.protocol_errors import HeadersTooLarge, MalformedRequest, RequestTimeout, error_response_bytes
from api.server.timer import Timer
from services.errors import TodoError


class Phase(Enum):
    """What the next bytes belong to."""

    IDLE = "between requests"
    HEADERS = "head"
    BODY = "body"


class LimitExceededError(Exception):
    """Stops the parser. What was too much, the protocol remembers."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection. Its alarms are set while a request is incomplete or an answer unread; few requests ever need one."""

    head_bytes: ClassVar[int] = 32 * 1024  # request line and headers; so much for trailers, too
    head_seconds: ClassVar[float] = 20.0  # from the first byte to the last, and from connecting to the first byte
    body_bytes_per_second: ClassVar[int] = 1000  # on average, when the time for a head is over
    max_framing_per_body_byte: ClassVar[int] = 6  # of a body in chunks; chunks of one byte come with five
    write_timeout_seconds: ClassVar[float] = 60.0
    max_pipelined: ClassVar[int] = 100
    close_delay_seconds: ClassVar[float] = 1.0  # to read the refusal: closing at once would reset the connection, and lose it

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._phase = Phase.IDLE
        self._since: float | None = None  # when the request that is incomplete began
        self._begun = 0  # requests
        self._head = self._body = self._framing = self._trailers = self._chunk = 0  # bytes
        self._excess: TodoError | None = None
        self._is_rejected = False
        self._request_timer = Timer(self.loop, self._on_request_timeout)
        self._write_timer = Timer(self.loop, self._abort)

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # uvicorn narrows it likewise
        """Expect a request."""
        super().connection_made(transport)
        self._request_timer.start(self.loop.time() + self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all alarms."""
        self._cancel_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless that is too much."""
        if self._is_rejected:
            return
        if self._since is None:
            self._since = self.loop.time()
        before = self._phase, self._begun, self._body
        self._chunk = len(data)
        super().data_received(data)
        if not self._is_rejected and not self.transport.is_closing():
            self._count_bytes(*before)
            self._schedule_timeout()

    def on_message_begin(self) -> None:
        """Begin to measure a request."""
        super().on_message_begin()
        self._phase = Phase.HEADERS
        self._since = self._since or self.loop.time()
        self._begun += 1
        self._head = self._body = self._framing = self._trailers = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers are only measured, nobody here reads them."""
        if self._phase is Phase.HEADERS:
            super().on_header(name, value)
            return
        self._trailers += len(name) + len(value)
        if self._trailers > self.head_bytes:
            self._exceed(f"The trailers are longer than {self.head_bytes} bytes.")

    def on_headers_complete(self) -> None:
        """Begin to answer, if the head is not too long."""
        if self._head + self._chunk > self.head_bytes:
            size = len(self.url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)
            if size > self.head_bytes:
                self._exceed(self._too_long)
        super().on_headers_complete()  # which stops the parser where the address is none
        self._phase = Phase.BODY
        if len(self.pipeline) > self.max_pipelined:
            self._exceed(f"More than {self.max_pipelined} requests were sent before the first was answered.")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect nothing any more, until something comes."""
        self._phase = Phase.IDLE
        self._since = None
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over."""
        self._cancel_timers()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser could not go on with."""
        self._reject(self._excess or MalformedRequest("This is no HTTP request that could be read."))

    def pause_writing(self) -> None:
        """Wait for a reader, but not for ever."""
        super().pause_writing()
        self._write_timer.start(self.loop.time() + self.write_timeout_seconds)

    def resume_writing(self) -> None:
        """Go on: somebody reads."""
        super().resume_writing()
        self._write_timer.cancel()

    @property
    def _too_long(self) -> str:
        return f"The request line and the headers are longer than {self.head_bytes} bytes."

    def _exceed(self, detail: str) -> None:
        """Stop the parser."""
        self._excess = HeadersTooLarge(detail)
        raise LimitExceededError

    def _count_bytes(self, phase: Phase, begun: int, body: int) -> None:
        """Measure what the parser has no event for, where the bytes belonged to one request alone."""
        if self._begun - begun > (phase is Phase.IDLE):
            return
        if self._phase is Phase.HEADERS:
            self._head += self._chunk
            if self._head > self.head_bytes:
                self._reject(HeadersTooLarge(self._too_long))
        elif self._phase is phase is Phase.BODY:
            self._framing += self._chunk - (self._body - body)
            if self._framing > self.head_bytes + self.max_framing_per_body_byte * self._body:
                self._reject(HeadersTooLarge("The body comes with more around it than it holds."))

    def _schedule_timeout(self) -> None:
        """See to it that the alarm is set while a request is incomplete."""
        if self._since is None:
            self._request_timer.cancel()
        elif not self._request_timer.is_active and not self._is_rejected:
            self._request_timer.start(self._deadline(self._since))

    def _deadline(self, since: float) -> float:
        return since + self.head_seconds + self._body / self.body_bytes_per_second

    def _on_request_timeout(self) -> None:
        now = self.loop.time()
        if self._since is None:
            self.transport.close()
        elif self.flow.read_paused or (self._phase is not Phase.BODY and self._is_answering()):
            self._request_timer.start(now + self.head_seconds)
        elif (deadline := self._deadline(self._since)) > now:
            self._request_timer.start(deadline)
        else:
            self._reject(RequestTimeout("The rest of the request did not come in time."))

    def _is_answering(self) -> bool:
        """Tell whether an answer is on its way that a refusal would be mistaken for."""
        if self._phase is Phase.BODY:
            return bool(self.pipeline) or self.cycle.response_started
        return self.cycle is not None and not self.cycle.response_complete

    def _reject(self, error: TodoError) -> None:
        """Answer, if that can still be understood, and take nothing more."""
        self._is_rejected = True
        self._cancel_timers()
        self._unset_keepalive_if_required()
        if self._is_answering():
            self.transport.close()
            return
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(error_response_bytes(error, self.server_state.default_headers))
        self.loop.call_later(self.close_delay_seconds, self.transport.close)

    def _abort(self) -> None:
        """Let go of an answer that nobody reads."""
        self.transport.abort()

    def _cancel_timers(self) -> None:
        self._request_timer.cancel()
        self._write_timer.cancel()
