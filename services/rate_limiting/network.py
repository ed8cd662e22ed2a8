"""Addresses, as far as they tell callers apart."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

_LONGEST = 64
_REMEMBERED = 10_000
_PREFIX = 2**64 - 1  # one customer has at least so many IPv6 addresses, and moves among them at will


def network(address: str) -> str:
    """Return what stands for everybody at this address: IPv6 by its /64, IPv4 as a whole, and anything else by its beginning."""
    return _network(address[:_LONGEST])


@lru_cache(_REMEMBERED)
def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) & ~_PREFIX)}/64"
