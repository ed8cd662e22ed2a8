"""Network keys: the part of an address that identifies a client."""

from ipaddress import IPv6Address, IPv6Network, ip_address

MAX_LENGTH = 64
CUSTOMER_PREFIX = 64  # one customer has all addresses of a network at least this large, and can change them freely


def network_key(address: str) -> str:
    """Return the /64 of an IPv6 address, a whole IPv4 address, or the beginning of any other text."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:MAX_LENGTH]
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Network((int(parsed), CUSTOMER_PREFIX), strict=False))
    return str(getattr(parsed, "ipv4_mapped", parsed))
