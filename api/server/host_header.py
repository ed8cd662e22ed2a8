"""Rules of the Host header (RFC 9112, 3.2)."""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

from api.server.protocol_errors import MalformedRequest

_NAME = rb"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*"
_IP_LITERAL = rb"\[(?:(?P<ipv6>[0-9A-Fa-f:.]+)|v[0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+)\]"
_HOST = re.compile(rb"(?:%b|%b)(?::(?P<port>[0-9]{0,5}))?" % (_IP_LITERAL, _NAME))
_MAX_PORT = 65535
_CACHE_SIZE = 64
_MAX_CACHED_LENGTH = 300  # bytes


def check_host(values: Sequence[bytes], *, is_required: bool) -> None:
    """Check the values of all Host headers of a request. Raises MalformedRequest."""
    if len(values) > 1:
        raise MalformedRequest("More than one Host header.")
    if not values and is_required:
        raise MalformedRequest("HTTP/1.1 requires a Host header.")
    if not all(_is_valid_cached(value) if len(value) <= _MAX_CACHED_LENGTH else _is_valid(value) for value in values):
        raise MalformedRequest("Malformed Host header; send the host name and the port.")


def _is_valid(value: bytes) -> bool:
    """Return whether a value is empty or a host with an optional port (RFC 3986, 3.2.2 and 3.2.3)."""
    match = _HOST.fullmatch(value.strip(b" \t"))
    if match is None or int(match["port"] or 0) > _MAX_PORT:
        return False
    return match["ipv6"] is None or _is_ipv6(match["ipv6"].decode())


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


_is_valid_cached = lru_cache(_CACHE_SIZE)(_is_valid)
