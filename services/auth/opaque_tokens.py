"""Opaque tokens: random, shown once, kept as hashes.

They hold 256 random bits, so a plain SHA-256 keeps them secret; slow hashes are for what people think up. Their beginnings tell
scanners for leaked secrets, and people, what they are.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

API_TOKEN_PREFIX = "todo_api_"  # noqa: S105
REFRESH_TOKEN_PREFIX = "todo_refresh_"  # noqa: S105
_RANDOM_BYTES = 32


def hash_secret(secret: str) -> str:
    """Return the hash to keep and to look for."""
    return sha256(secret.encode()).hexdigest()


def hashes_equal(one: str, other: str | None) -> bool:
    """Tell whether two hashes are the same, in a time that does not tell where they differ."""
    return other is not None and hmac.compare_digest(one, other)


def new_api_token() -> str:
    """Return an API token."""
    return API_TOKEN_PREFIX + _random()


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token: the handle is its session's for good, the secret is of one generation."""

    handle: str
    secret: str

    @classmethod
    def new(cls) -> "RefreshToken":
        """Return the first of a new session."""
        return cls(_random(), _random())

    @classmethod
    def parse(cls, text: str) -> "RefreshToken | None":
        """Return the token that the text spells, if it spells one."""
        handle, dot, secret = text.removeprefix(REFRESH_TOKEN_PREFIX).partition(".")
        well_formed = text.startswith(REFRESH_TOKEN_PREFIX) and dot and handle and secret and text.isascii()
        return cls(handle, secret) if well_formed else None

    def next_generation(self, salt: str) -> "RefreshToken":
        """Return the token of the next generation.

        Whoever has this token and the salt can make it again, so a lost answer can be given once more without keeping its secret.
        """
        digest = hmac.digest(self.secret.encode(), salt.encode(), "sha256")
        return RefreshToken(self.handle, urlsafe_b64encode(digest).decode().rstrip("="))

    def __str__(self) -> str:
        """Return what the client gets."""
        return f"{REFRESH_TOKEN_PREFIX}{self.handle}.{self.secret}"


def new_salt() -> str:
    """Return a salt for one rotation."""
    return _random()


def _random() -> str:
    return secrets.token_urlsafe(_RANDOM_BYTES)
