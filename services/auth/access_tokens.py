"""Access tokens (JWT, RFC 7519): issue local tokens, authenticate local and external ones."""

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
from services.auth.jwks.verifiers import HS256, LEEWAY_SECONDS, JwksVerifier, SharedSecretVerifier, unverified_issuer
from services.errors import Unauthenticated

LOCAL_ISSUER = "todo"
MAX_CACHE_CHARACTERS = 2_000_000  # total length of the cached tokens
_USER_ID_CLAIMS = ("sub", "user_id", "id")


@dataclass(frozen=True, slots=True)
class _VerifiedToken:
    """Identity of a token with a valid signature; `expires` is in seconds since 1970, `key` is the external issuer's."""

    identity: Identity
    expires: int
    size: int
    key: Jwk | None = None


class AccessTokens:
    """Issues local tokens and authenticates local and external ones.

    External issuers sign with the shared secret (the user id is in `sub`, `user_id` or `id`) or with published keys (it is in
    `sub`). A valid signature stays valid, so verified tokens are cached; expiry, and whether the issuer still publishes the key,
    are checked on each call.
    """

    def __init__(
        self, secret: str, lifetime: timedelta, shared: SharedSecretVerifier | None = None, issuer: JwksVerifier | None = None
    ) -> None:
        self._secret = secret
        self._shared = shared or SharedSecretVerifier(secret)
        self._issuer = issuer
        self.lifetime = lifetime
        cache: LRUCache[Any, _VerifiedToken] = LRUCache(MAX_CACHE_CHARACTERS, getsizeof=lambda verified: verified.size)
        self._verified = cached(cache, lock=Lock())(self._verify)

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
        """Return the identity of the token; refresh its issuer's keys first if the token's key is not cached.

        Raises Unauthenticated if the token is invalid or expired, Unavailable if the issuer's keys are unavailable.
        """
        try:
            return self._authenticate_cached(token)
        except (UnknownKeyError, JwksUnavailableError) as error:
            if self._issuer is None:
                raise
            kid = error.kid if isinstance(error, UnknownKeyError) else None
        await self._issuer.jwks.refresh(kid)
        return self._authenticate_cached(token)

    def _authenticate_cached(self, token: str) -> Identity:
        verified = self._verified(token)
        if verified.expires <= time() - LEEWAY_SECONDS:
            raise Unauthenticated("The token has expired.")
        if verified.key is not None and self._issuer is not None and not self._issuer.has_key(verified.key):
            raise Unauthenticated("The token is not valid.")
        return verified.identity

    def _verify(self, token: str) -> _VerifiedToken:
        issuer, key = unverified_issuer(token), None
        if self._issuer is not None and issuer == self._issuer.issuer:
            claims, key = self._issuer.verify(token)
            identity = identity_from_external_claims(claims, ("sub",))
        else:
            is_local = issuer == LOCAL_ISSUER
            claims = self._shared.verify(token, is_local=is_local)
            identity = identity_from_local_claims(claims) if is_local else identity_from_external_claims(claims, _USER_ID_CLAIMS)
        return _VerifiedToken(identity, int(claims["exp"]), len(token), key)
