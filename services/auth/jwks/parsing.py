"""JWKS documents (RFC 7517): the public keys that may verify an issuer's tokens, each with one algorithm.

The type and curve of a key determine its algorithm; the header of a token has no influence on it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jwt
import orjson

MAX_KEYS = 100
_ALGORITHMS = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("EC", "P-384"): "ES384", ("RSA", None): "RS256"}
# RFC 9864 replaces the name EdDSA by the name of the curve.
_ALGORITHM_NAMES = {"EdDSA": ("EdDSA", "Ed25519")}
_PUBLIC_PARAMETERS = {"OKP": ("x",), "EC": ("x", "y"), "RSA": ("n", "e")}
_PRIVATE_PARAMETERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_TEXT_PARAMETERS = ("kty", "crv", "alg", "use", "kid")
_RSA_BITS = range(2048, 8193)  # shorter keys are weak; longer ones make every verification slow


class InvalidJwksError(Exception):
    """Reason why a response holds no usable keys, in one line that repeats none of its content."""


@dataclass(frozen=True, slots=True)
class Jwk:
    """Public key. Two are equal if they have the same kid, algorithm and parameters."""

    kid: str | None
    algorithm: str
    parameters: tuple[str, ...]
    public_key: jwt.PyJWK = field(compare=False, repr=False)

    @property
    def algorithm_names(self) -> tuple[str, ...]:
        """Return the names that the header of a token may have for the algorithm of this key."""
        return _ALGORITHM_NAMES.get(self.algorithm, (self.algorithm,))


@dataclass(frozen=True)
class JwkSet:
    """Keys of one document. A key that is listed twice counts once."""

    keys: frozenset[Jwk]

    @cached_property
    def _by_kid(self) -> Mapping[str, Jwk]:
        """Return the keys by kid, without those whose kid is ambiguous."""
        counts = Counter(key.kid for key in self.keys)
        return {key.kid: key for key in self.keys if key.kid is not None and counts[key.kid] == 1}

    @property
    def kids(self) -> frozenset[str]:
        """Return the kids of all keys."""
        return frozenset(key.kid for key in self.keys if key.kid is not None)

    def find(self, kid: str | None) -> Jwk | None:
        """Return the key with this kid; without a kid, the only key of the set."""
        if kid is None:
            return next(iter(self.keys)) if len(self.keys) == 1 else None
        return self._by_kid.get(kid)

    @property
    def is_usable(self) -> bool:
        """Return whether any token could be verified."""
        return bool(self._by_kid) or len(self.keys) == 1


def parse_jwks(document: bytes) -> JwkSet:
    """Return the signature keys of a document. Raises InvalidJwksError if it is not a JWK set or contains no supported key."""
    try:
        content = orjson.loads(document)
    except orjson.JSONDecodeError:
        raise InvalidJwksError("not JSON") from None
    entries = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise InvalidJwksError("not a JWK set")
    if len(entries) > MAX_KEYS:
        raise InvalidJwksError(f"more than {MAX_KEYS} keys")
    keys = JwkSet(frozenset(key for entry in entries if (key := _parse_key(entry)) is not None))
    if not keys.is_usable:
        raise InvalidJwksError("no usable key: Ed25519, EC P-256 or P-384, RSA of 2048 bits or more, with a unique kid")
    return keys


def _parse_key(entry: Any) -> Jwk | None:
    """Parse one entry; return None if it is not a public signature key of a supported type."""
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str | None) for name in _TEXT_PARAMETERS):
        return None
    key_type, curve = entry.get("kty", ""), entry.get("crv")
    algorithm = _ALGORITHMS.get((key_type, None if key_type == "RSA" else curve))
    if (
        algorithm is None
        or entry.get("alg") not in {None, *_ALGORITHM_NAMES.get(algorithm, (algorithm,))}
        or not _is_public_signature_key(entry)
    ):
        return None
    parameters = {name: entry.get(name) for name in _PUBLIC_PARAMETERS[key_type]}
    try:
        public_key = jwt.PyJWK({"kty": key_type, "crv": curve, **parameters}, algorithm)
    except (jwt.PyJWTError, ValueError, AttributeError):
        return None
    if key_type == "RSA" and public_key.key.key_size not in _RSA_BITS:
        return None
    return Jwk(
        kid=entry.get("kid"),
        algorithm=algorithm,
        parameters=tuple(str(value) for value in parameters.values()),
        public_key=public_key,
    )


def _is_public_signature_key(entry: Mapping[str, Any]) -> bool:
    """Return whether the key is meant for signatures and public: a signature proves nothing if the private key is published."""
    operations = entry.get("key_ops", ["verify"])
    may_verify = isinstance(operations, list) and "verify" in operations
    return may_verify and entry.get("use") in {None, "sig"} and not _PRIVATE_PARAMETERS & entry.keys()
