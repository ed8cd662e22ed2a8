"""Access tokens (JWT, RFC 7519, HS256). The one place that knows PyJWT."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import time
from typing import Any

import jwt
from cachetools import LRUCache, cached

from models.base import MAX_USER_ID
from models.text import canonical_id
from services.context import Newcomer
from services.errors import Unauthenticated
from services.grants import FULL, Grant

ISSUER = "todo"
REMEMBERED = 2_000_000  # characters of tokens
_EXPIRED = "The token has expired."
_ALGORITHM = "HS256"
_OUR_CLAIMS = ("sub", "iat", "exp", "jti", "sid")
_THEIR_USER_CLAIMS = ("sub", "user_id", "id")
_MAX_EMAIL, _MAX_NAME = 254, 100


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a token speaks for and what it entitles to; a newcomer's claims if it was signed elsewhere."""

    user_id: str
    newcomer: Newcomer | None = None
    grant: Grant = FULL


@dataclass(frozen=True, slots=True)
class _Verified:
    """What a token says whose signature is right; `expires` is in seconds since 1970."""

    identity: Identity
    expires: int
    size: int


class Tokens:
    """Issues and reads tokens. Others who have the secret may issue too: `sub`, or `user_id`, or `id` names the user.

    A signature that was right stays right, so the tokens in use are remembered; whether one has expired is asked each time.
    """

    def __init__(self, secret: str, lifetime: timedelta) -> None:
        self._secret = secret
        self.lifetime = lifetime
        remembered: LRUCache[Any, _Verified] = LRUCache(REMEMBERED, getsizeof=lambda verified: verified.size)
        self._verified = cached(remembered, lock=Lock())(self._verify)

    def issue(self, user_id: str, session_id: str) -> str:
        """Return a token for this session of this user."""
        now = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "sub": user_id,
            "sid": session_id,
            "iat": now,
            "exp": now + self.lifetime,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode(claims, self._secret, _ALGORITHM)

    def read(self, token: str) -> Identity:
        """Return whom the token speaks for. Raises Unauthenticated for any token that is not valid now."""
        verified = self._verified(token)
        if verified.expires <= time():
            raise Unauthenticated(_EXPIRED)
        return verified.identity

    def _verify(self, token: str) -> _Verified:
        claims = self._claims(token)
        return _Verified(_identity(claims), int(claims["exp"]), len(token))

    def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            # Tokens signed elsewhere carry what audience and subject they like; the shared secret is what we trust.
            options: Any = {"require": ["exp"], "verify_aud": False, "verify_sub": False, "verify_iss": False}
            return jwt.decode(token, self._secret, algorithms=[_ALGORITHM], options=options)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated(_EXPIRED) from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise Unauthenticated("The token is not valid.") from None


def _identity(claims: Mapping[str, Any]) -> Identity:
    if claims.get("iss") == ISSUER:
        if any(claim not in claims for claim in _OUR_CLAIMS):
            raise Unauthenticated("The token is not valid.")
        return Identity(_user_id(claims, ("sub",)), grant=Grant.of_session(_session_id(claims)))
    return Identity(_user_id(claims, _THEIR_USER_CLAIMS), _newcomer(claims))


def _session_id(claims: Mapping[str, Any]) -> str:
    try:
        return canonical_id(str(claims["sid"]))
    except ValueError:
        raise Unauthenticated("The token is not valid.") from None


def _user_id(claims: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = claims.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.isprintable() and 0 < len(value.strip()) <= len(value) <= MAX_USER_ID:
            return value
        if value is not None:
            break
    raise Unauthenticated("The token names no user.")


def _newcomer(claims: Mapping[str, Any]) -> Newcomer:
    return Newcomer(
        email=_text(claims.get("email"), _MAX_EMAIL, lower=True),
        name=_text(claims.get("name"), _MAX_NAME),
        issued_at=_moment(claims.get("iat")),
    )


def _text(value: object, longest: int, *, lower: bool = False) -> str | None:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value.strip()) <= longest:
        return None
    return value.strip().lower() if lower else value.strip()


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None
