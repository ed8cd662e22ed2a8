"""Who may have signed a token: the holders of the shared secret, or another issuer with keys of its own.

A token's issuer says who verifies it; its `alg` has no word in that. What else a header may offer (`jwk`, `jku`, `x5u`) is never
looked at, and what it calls critical is refused.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from services.auth.jwks.cache import KeySet
from services.auth.jwks.parsing import Key
from services.errors import Unauthenticated

HS256 = "HS256"
_REQUIRED = ["iss", "aud", "sub", "iat", "exp"]
# Another issuer's clock may be ahead of ours a little. Expiry has no such grace: it is asked once more, to the second.
_LEEWAY = 30

Claims = Mapping[str, Any]


class SharedSecret:
    """Verifies tokens that were signed with the secret (HS256), here or elsewhere.

    Those from elsewhere may have any issuer and audience unless one is set.
    """

    def __init__(self, secret: str, issuer: str | None = None, audience: str | None = None) -> None:
        self._secret = secret
        self._elsewhere: dict[str, Any] = {"issuer": issuer, "audience": audience}

    def verify(self, token: str, *, is_ours: bool) -> Claims:
        """Return what the token claims. Raises Unauthenticated."""
        expected = {} if is_ours else self._elsewhere
        options = {"require": ["exp"], "verify_sub": False, "verify_aud": expected.get("audience") is not None}
        return _decoded(token, self._secret, algorithms=[HS256], options=options, **expected)


class Issuer:
    """Verifies the tokens of one issuer that are meant for one audience, with the keys that it publishes."""

    def __init__(self, name: str, audience: str, keys: KeySet) -> None:
        self.name = name
        self.keys = keys
        self._expected: dict[str, Any] = {"issuer": name, "audience": audience, "options": {"require": _REQUIRED}}

    def verify(self, token: str) -> tuple[Claims, Key]:
        """Return what the token claims, and the key that signed it. Raises Unauthenticated, and what `keys.find` raises."""
        key = self.keys.find(_key_name(token))
        return _decoded(token, key.material, algorithms=[key.algorithm], leeway=_LEEWAY, **self._expected), key

    def still_lists(self, key: Key) -> bool:
        """Tell whether what that key signed is still good. Raises what `keys.find` raises."""
        return self.keys.find(key.name) == key


def claimed_issuer(token: str) -> str | None:
    """Return the `iss` that a token claims, unverified: good for choosing who verifies it, and for nothing else.

    Raises Unauthenticated for what is no token, and for one that has expired, whoever signed it.
    """
    options = {"verify_signature": False, "verify_exp": True, "require": ["exp"]}
    issuer = _decoded(token, "", options=options).get("iss")
    if not isinstance(issuer, str | None):
        raise _invalid()
    return issuer


def _key_name(token: str) -> str | None:
    try:
        return jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError:
        raise _invalid() from None


def _decoded(token: str, key: Any, **expected: Any) -> Claims:
    try:
        return jwt.decode(token, key, **expected)
    except jwt.ExpiredSignatureError:
        raise Unauthenticated("The token has expired.") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        raise _invalid() from None


def _invalid() -> Unauthenticated:
    return Unauthenticated("The token is not valid.")
