"""Kinds of settings that are checked where they are read: texts that others understand, at a time when nobody sees the error."""

from contextlib import suppress
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from limits import RateLimitItem, parse_many
from pydantic import AfterValidator, SecretStr

IN_MEMORY = "memory"
_REDIS = ("redis", "rediss", "redis+unix")


def parse_rate_limit(text: str) -> RateLimitItem | None:
    """Parse one limit in the notation of the library `limits`; None if it is "off". Raises ValueError."""
    if text.strip().lower() == "off":
        return None
    with suppress(ValueError):
        (limit,) = parse_many(text)
        if limit.amount > 0:
            return limit
    msg = "must be one limit such as 100/minute or 5000 per 2 hours, or off"
    raise ValueError(msg)


def _limit(text: str) -> str:
    parse_rate_limit(text)
    return text


def _store(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    try:
        known = text == IN_MEMORY or (urlsplit(text).scheme in _REDIS and urlsplit(text).port != 0)
    except ValueError:
        known = False
    if not known:
        msg = "must be memory, or a URL such as redis://host:6379/0"
        raise ValueError(msg)
    return url


def _networks(text: str) -> str:
    """Let nothing pass that uvicorn would take for a name and never believe: a network with host bits, or * among others."""
    networks = text.strip()
    for part in [] if networks == "*" else networks.split(","):
        try:
            _ = ip_network(part.strip())
        except ValueError:
            msg = "must be addresses or networks such as 10.0.0.0/8, separated by commas, or * alone"
            raise ValueError(msg) from None
    return networks


Quota = Annotated[str, AfterValidator(_limit)]
Store = Annotated[SecretStr, AfterValidator(_store)]
Networks = Annotated[str, AfterValidator(_networks)]
