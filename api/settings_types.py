"""Field types of the settings, validated when the settings are read."""

from contextlib import suppress
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from limits import RateLimitItem, parse_many
from pydantic import AfterValidator, BeforeValidator, SecretStr

IN_MEMORY = "memory://"
_REDIS_SCHEMES = ("redis", "rediss", "redis+unix")


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


def _validate_rate_limit(text: str) -> str:
    parse_rate_limit(text)
    return text


def _accept_deprecated_memory(url: object) -> object:
    return IN_MEMORY if url == "memory" else url


def _validate_storage_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    try:
        is_valid = text == IN_MEMORY or (urlsplit(text).scheme in _REDIS_SCHEMES and urlsplit(text).port != 0)
    except ValueError:
        is_valid = False
    if not is_valid:
        msg = "must be memory://, or a URL such as redis://host:6379/0"
        raise ValueError(msg)
    return url


def _validate_networks(text: str) -> str:
    """Reject values that uvicorn treats as host names and never matches: networks with host bits, or * among others."""
    networks = text.strip()
    for part in [] if networks == "*" else networks.split(","):
        try:
            _ = ip_network(part.strip())
        except ValueError:
            msg = "must be addresses or networks such as 10.0.0.0/8, separated by commas, or * alone"
            raise ValueError(msg) from None
    return networks


RateLimitString = Annotated[str, AfterValidator(_validate_rate_limit)]
StorageUrl = Annotated[SecretStr, BeforeValidator(_accept_deprecated_memory), AfterValidator(_validate_storage_url)]
TrustedNetworks = Annotated[str, AfterValidator(_validate_networks)]
