"""Request parser that ignores offers to upgrade the connection (RFC 9110, 7.8), unless the protocol accepts them.

After a request with an upgrade offer, httptools reads no body: the bytes of the body would be parsed as the next request. This
parser reads such a request again without the offer, so that the rules of llhttp decide where the body ends.
"""

from collections.abc import Callable
from typing import Any

import httptools


class RequestParser:
    """httptools.HttpRequestParser that reads a request with an ignored offer twice: first its head, then all of it."""

    def __init__(self, protocol: Any, head_without_offer: Callable[[], bytes | None]) -> None:
        """`head_without_offer` returns the head of the current request; None if the protocol accepts the offer."""
        self._protocol = protocol
        self._head_without_offer = head_without_offer
        self._parser = self._create_parser()

    def feed_data(self, data: bytes) -> None:
        """Parse bytes. Raises HttpParserError, and HttpParserUpgrade if the protocol accepts an offer."""
        while True:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                head = self._head_without_offer()
                if head is None:
                    raise
                data = head + data[upgrade.args[0] :]
                # The used parser ignores all bytes after a request with `Connection: close`.
                self._parser = self._create_parser()
            else:
                return

    def get_method(self) -> bytes:
        """Return the method of the current request."""
        return bytes(self._parser.get_method())

    def get_http_version(self) -> str:
        """Return the HTTP version of the current request, such as `1.1`."""
        return str(self._parser.get_http_version())

    def should_upgrade(self) -> bool:
        """Return whether the current request offers an upgrade."""
        return bool(self._parser.should_upgrade())

    def should_keep_alive(self) -> bool:
        """Return whether the connection stays open after the current request."""
        return bool(self._parser.should_keep_alive())

    def _create_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self._protocol)
        # Without this leniency, bytes after a request with `Connection: close` prevent the response to that request.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser
