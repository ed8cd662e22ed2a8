"""Another issuer, whose tokens are signed with keys of its own. A token's issuer says who verifies it; its `alg` does not."""

from collections.abc import Mapping
from typing import Any

import jwt

from services.errors import Unauthenticated
from services.key_document import Key
from services.key_set import KeySet

# Its clock and ours may differ a little; that a token has expired is asked elsewhere, to the second.
_LEEWAY = 30
_REQUIRED = ["iss", "aud", "sub", "exp", "iat"]
MALFORMED = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


def claimed_issuer(token: str) -> object:
    """Return the `iss` that a token claims, unverified: good for choosing who verifies it, and for nothing else.

    Raises Unauthenticated for what is no token, and for one that has expired whoever signed it.
    """
    try:
        options: Any = {"verify_signature": False, "verify_exp": True, "require": ["exp"]}
        issuer = jwt.decode(token, options=options).get("iss")
    except jwt.ExpiredSignatureError:
        raise Unauthenticated("The token has expired.") from None
    except MALFORMED:
        raise Unauthenticated("The token is not valid.") from None
    if not isinstance(issuer, str | None):
        raise Unauthenticated("The token is not valid.")
    return issuer


class Issuer:
    """Verifies the tokens of one issuer that are meant for one audience."""

    def __init__(self, name: str, audience: str, keys: KeySet) -> None:
        self.name = name
        self.keys = keys
        self._audience = audience

    def verify(self, token: str) -> tuple[Mapping[str, Any], Key]:
        """Return what the token claims, and the key that signed it.

        Raises Unauthenticated, or one of `keys.find`'s errors, which may be over after `keys.catch_up`.
        """
        key = self._key(token)
        try:
            expected: Any = {"audience": self._audience, "issuer": self.name, "options": {"require": _REQUIRED}}
            claims = jwt.decode(token, key.material, algorithms=[key.algorithm], leeway=_LEEWAY, **expected)
        except MALFORMED:
            raise Unauthenticated("The token is not valid.") from None
        return claims, key

    def still_lists(self, key: Key) -> bool:
        """Tell whether what that key signed is still good. Raises as `keys.find` does."""
        return self.keys.find(key.name) == key

    def _key(self, token: str) -> Key:
        try:
            name = jwt.get_unverified_header(token).get("kid")
        except MALFORMED:
            raise Unauthenticated("The token is not valid.") from None
        return self.keys.find(name)
