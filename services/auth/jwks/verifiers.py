"""Token verifiers: one for the shared secret, one for the published keys of an external issuer.

The issuer claim of a token selects the verifier; its `alg` header has no influence. Keys that a header offers (`jwk`, `jku`,
`x5u`) are ignored, and critical extensions (`crit`) are rejected.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import jwt
from jwt.algorithms import OKPAlgorithm

from services.auth.jwks.cache import JwksCache
from services.auth.jwks.parsing import Jwk
from services.errors import Unauthenticated

HS256 = "HS256"
_REQUIRED_CLAIMS = ["iss", "aud", "sub", "iat", "exp"]
# Tolerance for the time claims of all tokens: the clocks of issuers and of the service's own hosts differ a little.
LEEWAY_SECONDS = 30
# PyJWT knows EdDSA only, not the name that RFC 9864 introduced for the same algorithm.
with suppress(ValueError):  # already registered
    jwt.register_algorithm("Ed25519", OKPAlgorithm())

Claims = Mapping[str, Any]


class SharedSecretVerifier:
    """Verifies tokens that were signed with the shared secret (HS256), by this service or by an external issuer.

    External tokens may have any issuer and audience unless one is configured.
    """

    def __init__(self, secret: str, issuer: str | None = None, audience: str | None = None) -> None:
        self._secret = secret
        self._external_claims: dict[str, Any] = {"issuer": issuer, "audience": audience}

    def verify(self, token: str, *, is_local: bool) -> Claims:
        """Return the claims of the token. Raises Unauthenticated."""
        expected = {} if is_local else self._external_claims
        options = {"require": ["exp"], "verify_sub": False, "verify_aud": expected.get("audience") is not None}
        return _decode(token, self._secret, algorithms=[HS256], options=options, **expected)


class JwksVerifier:
    """Verifies tokens of one issuer for one audience, with the keys that the issuer publishes."""

    def __init__(self, issuer: str, audience: str, jwks: JwksCache) -> None:
        self.issuer = issuer
        self.jwks = jwks
        self._expected: dict[str, Any] = {"issuer": issuer, "audience": audience, "options": {"require": _REQUIRED_CLAIMS}}

    def verify(self, token: str) -> tuple[Claims, Jwk]:
        """Return the claims of the token and the key that verified it. Raises Unauthenticated and the errors of `get_key`."""
        key = self.jwks.get_key(_unverified_kid(token))
        return _decode(token, key.public_key.key, algorithms=key.algorithm_names, **self._expected), key

    def has_key(self, key: Jwk) -> bool:
        """Return whether the issuer still publishes this key. Raises the errors of `get_key`."""
        return self.jwks.get_key(key.kid) == key


def unverified_issuer(token: str) -> str | None:
    """Return the `iss` claim without verification, only to select the verifier.

    Raises Unauthenticated if the token is malformed or has expired, for any issuer.
    """
    options = {"verify_signature": False, "verify_exp": True, "require": ["exp"]}
    issuer = _decode(token, "", options=options).get("iss")
    if not isinstance(issuer, str | None):
        raise _invalid_token()
    return issuer


def _unverified_kid(token: str) -> str | None:
    try:
        return jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError:
        raise _invalid_token() from None


def _decode(token: str, key: Any, **expected: Any) -> Claims:
    try:
        return jwt.decode(token, key, leeway=LEEWAY_SECONDS, **expected)
    except jwt.ExpiredSignatureError:
        raise Unauthenticated("The token has expired.") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        raise _invalid_token() from None


def _invalid_token() -> Unauthenticated:
    return Unauthenticated("The token is not valid.")
