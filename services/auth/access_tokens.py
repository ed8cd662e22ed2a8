"""Access tokens (JWT, RFC 7519): issuing ours, reading ours and those of others."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import time
from typing import Any

import jwt
from cachetools import LRUCache, cached

from services.auth.claims import Identity, identity_from_external_claims, identity_from_local_claims
from services.auth.jwks.cache import JwksUnavailableError, UnknownKeyError
from services.auth.jwks.parsing import Jwk
from services.auth.jwks.verifiers import HS256, JwksVerifier, SharedSecretVerifier, unverified_issuer
from services.errors import Unauthenticated

LOCAL_ISSUER = "todo"
MAX_CACHE_CHARACTERS = 2_000_000  # characters of tokens
_USER_ID_CLAIMS = ("sub", "user_id", "id")


@dataclass(frozen=True, slots=True)
class _VerifiedToken:
    """What a token says whose signature is right; `expires` is in seconds since 1970, `key` that of another issuer."""

    identity: Identity
    expires: int
    size: int
    key: Jwk | None = None


class AccessTokens:
    """Issues and reads tokens. Others who have the secret may issue too: `sub`, or `user_id`, or `id` names the user.

    So may an issuer with keys of its own: `sub` names the user. A signature that was right stays right, so the tokens in use are
    remembered; whether one has expired, and whether its key is still listed, is asked each time.
    """

    def __init__(
        self, secret: str, lifetime: timedelta, shared: SharedSecretVerifier | None = None, issuer: JwksVerifier | None = None
    ) -> None:
        self._secret = secret
        self._shared = shared or SharedSecretVerifier(secret)
        self._issuer = issuer
        self.lifetime = lifetime
        remembered: LRUCache[Any, _VerifiedToken] = LRUCache(MAX_CACHE_CHARACTERS, getsizeof=lambda verified: verified.size)
        self._verified = cached(remembered, lock=Lock())(self._verify)

    def issue(self, user_id: str, session_id: str) -> str:
        """Return a token for this session of this user."""
        now = datetime.now(UTC)
        claims = {
            "iss": LOCAL_ISSUER,
            "sub": user_id,
            "sid": session_id,
            "iat": now,
            "exp": now + self.lifetime,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode(claims, self._secret, HS256)

    async def authenticate(self, token: str) -> Identity:
        """Return whom the token speaks for, after a fetch of its issuer's keys if its key is not known.

        Raises Unauthenticated for any token that is not valid now, Unavailable where that cannot be told.
        """
        try:
            return self._authenticate_cached(token)
        except (UnknownKeyError, JwksUnavailableError):
            if self._issuer is None:
                raise
        await self._issuer.jwks.refresh()
        return self._authenticate_cached(token)

    def _authenticate_cached(self, token: str) -> Identity:
        verified = self._verified(token)
        if verified.expires <= time():
            raise Unauthenticated("The token has expired.")
        if verified.key is not None and self._issuer is not None and not self._issuer.has_key(verified.key):
            raise Unauthenticated("The token is not valid.")
        return verified.identity

    def _verify(self, token: str) -> _VerifiedToken:
        claimed, key = unverified_issuer(token), None
        if self._issuer is not None and claimed == self._issuer.issuer:
            claims, key = self._issuer.verify(token)
            identity = identity_from_external_claims(claims, ("sub",))
        else:
            is_ours = claimed == LOCAL_ISSUER
            claims = self._shared.verify(token, is_local=is_ours)
            identity = identity_from_local_claims(claims) if is_ours else identity_from_external_claims(claims, _USER_ID_CLAIMS)
        return _VerifiedToken(identity, int(claims["exp"]), len(token), key)
