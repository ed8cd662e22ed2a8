"""Opaque tokens: API tokens and refresh tokens, stored as hashes.

They have 256 random bits, so a plain SHA-256 is enough; slow hashes are for passwords that people choose. Their prefixes let
secret scanners and people recognize them.
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
    """Return the hash to store and to look up."""
    return sha256(secret.encode()).hexdigest()


def hashes_equal(left: str, right: str | None) -> bool:
    """Return whether two hashes are equal, in constant time."""
    return right is not None and hmac.compare_digest(left, right)


def new_api_token() -> str:
    """Return a new API token."""
    return API_TOKEN_PREFIX + _random()


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """Refresh token: the handle identifies the session in all generations, the secret belongs to one generation."""

    handle: str
    secret: str

    @classmethod
    def new(cls) -> "RefreshToken":
        """Return the first token of a new session."""
        return cls(_random(), _random())

    @classmethod
    def parse(cls, text: str) -> "RefreshToken | None":
        """Return the parsed token, or None if the text is malformed."""
        handle, dot, secret = text.removeprefix(REFRESH_TOKEN_PREFIX).partition(".")
        is_well_formed = text.startswith(REFRESH_TOKEN_PREFIX) and dot and handle and secret and text.isascii()
        return cls(handle, secret) if is_well_formed else None

    def next_generation(self, salt: str) -> "RefreshToken":
        """Return the token of the next generation.

        It is derived from this token and the salt, so a lost response can be repeated without storing the next secret.
        """
        digest = hmac.digest(self.secret.encode(), salt.encode(), "sha256")
        return RefreshToken(self.handle, urlsafe_b64encode(digest).decode().rstrip("="))

    def __str__(self) -> str:
        """Return the token in the form that clients receive."""
        return f"{REFRESH_TOKEN_PREFIX}{self.handle}.{self.secret}"


def new_salt() -> str:
    """Return a salt for one rotation."""
    return _random()


def _random() -> str:
    return secrets.token_urlsafe(_RANDOM_BYTES)
