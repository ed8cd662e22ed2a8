"""What an issuer's JWKS document (RFC 7517) says: the public keys that may verify its tokens, each with its one algorithm.

A key says by its own type and curve what it verifies; a token has no word in that.
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
_COORDINATES = {"OKP": ("x",), "EC": ("x", "y"), "RSA": ("n", "e")}
_TEXTS = ("kty", "crv", "alg", "use", "kid")
_SECRET_HALVES = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_RSA_BITS = range(2048, 8193)  # shorter ones are weak; longer ones make every check slow


class BadDocumentError(Exception):
    """Why a document is of no use, in one line that repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key. Two are equal if they have the same name, algorithm and coordinates."""

    name: str | None
    algorithm: str
    coordinates: tuple[str, ...]
    material: jwt.PyJWK = field(compare=False, repr=False)


@dataclass(frozen=True)
class Keys:
    """The keys of one document, as a set: the same key listed twice counts once."""

    listed: frozenset[Key]

    @cached_property
    def _named(self) -> Mapping[str, Key]:
        """A name that two different keys bear names neither: which of them is meant would be a guess."""
        bearers = Counter(key.name for key in self.listed)
        return {key.name: key for key in self.listed if key.name is not None and bearers[key.name] == 1}

    def find(self, name: str | None) -> Key | None:
        """Return the key of that name (`kid`); without a name, the only key there is."""
        if name is None:
            return next(iter(self.listed)) if len(self.listed) == 1 else None
        return self._named.get(name)

    @property
    def usable(self) -> bool:
        """Tell whether any token at all could be verified."""
        return bool(self._named) or len(self.listed) == 1


def read_keys(document: bytes) -> Keys:
    """Return the signature keys of a document. Raises BadDocumentError where it is none, or lists none that is usable here."""
    try:
        content = orjson.loads(document)
    except orjson.JSONDecodeError:
        raise BadDocumentError("it is not JSON") from None
    entries = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise BadDocumentError("it is not a JWK set")
    if len(entries) > MAX_KEYS:
        raise BadDocumentError(f"it lists more than {MAX_KEYS} keys")
    keys = Keys(frozenset(key for entry in entries if (key := _key(entry)) is not None))
    if not keys.usable:
        raise BadDocumentError("it lists no usable key: Ed25519, EC P-256 or P-384, RSA of 2048 bits or more, each kid once")
    return keys


def _key(entry: Any) -> Key | None:
    """Read one entry; None for what is not a public signature key of a kind that is taken here."""
    if not isinstance(entry, dict) or not all(isinstance(entry.get(member), str | None) for member in _TEXTS):
        return None
    kind, curve = entry.get("kty", ""), entry.get("crv")
    algorithm = _ALGORITHMS.get((kind, None if kind == "RSA" else curve))
    if algorithm is None or entry.get("alg") not in {None, algorithm} or not _is_to_verify(entry):
        return None
    public = {member: entry.get(member) for member in _COORDINATES[kind]}
    try:
        material = jwt.PyJWK({"kty": kind, "crv": curve, **public}, algorithm)
    except (jwt.PyJWTError, ValueError, AttributeError):
        return None
    if kind == "RSA" and material.key.key_size not in _RSA_BITS:
        return None
    return Key(entry.get("kid"), algorithm, tuple(str(value) for value in public.values()), material)


def _is_to_verify(entry: Mapping[str, Any]) -> bool:
    """Tell whether the key is meant for signatures, and public: one published with its secret half proves nothing."""
    operations = entry.get("key_ops", ["verify"])
    named = isinstance(operations, list) and "verify" in operations
    return named and entry.get("use") in {None, "sig"} and not _SECRET_HALVES & entry.keys()
