"""JWKS documents: supported and ignored keys, invalid documents, lookup by kid."""

from typing import Any

import orjson
import pytest

from services.auth.jwks.parsing import InvalidJwksError, parse_jwks
from tests.support.jwks_server import SigningKey

ED, EC, EC384, RSA, SHORT = (SigningKey.make(algorithm) for algorithm in ("EdDSA", "ES256", "ES384", "RS256", "RS256, short"))


def document(*entries: Any) -> bytes:
    return orjson.dumps({"keys": entries})


def without(jwk: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name not in names}


@pytest.mark.parametrize("key", [ED, EC, EC384, RSA], ids=lambda key: str(key.algorithm))
@pytest.mark.parametrize(
    "parameters", [{}, {"alg": None}, {"use": "sig", "key_ops": ["verify"]}], ids=["plain", "no alg", "use and key_ops"]
)
def test_signature_key_is_parsed_with_the_algorithm_of_its_type(key: SigningKey, parameters: dict[str, Any]) -> None:
    parsed = parse_jwks(document({**key.jwk, **parameters})).find(key.kid)

    assert parsed is not None
    assert parsed.algorithm == key.algorithm


IGNORED_KEYS: dict[str, Any] = {
    "shared secret": {"kty": "oct", "kid": "a", "alg": "HS256", "k": "c2VjcmV0" * 8},
    "for encryption": {**ED.jwk, "use": "enc"},
    "for other operations": {**ED.jwk, "key_ops": ["deriveKey"]},
    "key_ops of the wrong type": {**ED.jwk, "key_ops": 5},
    "alg of another curve": {**EC.jwk, "alg": "ES384"},
    "Ed25519 as alg of another type": {**EC.jwk, "alg": "Ed25519"},
    "alg of a shared secret": {**ED.jwk, "alg": "HS256"},
    "unsupported alg": {**RSA.jwk, "alg": "RS512"},
    "RSA with 1024 bits": {**SHORT.jwk, "alg": "RS256"},
    "unsupported curve": {**ED.jwk, "crv": "Ed448"},
    "no curve": without(EC.jwk, "crv"),
    "coordinates of another curve": {**EC.jwk, "crv": "P-384", "alg": "ES384"},
    "point not on the curve": {**EC.jwk, "y": EC.jwk["x"]},
    "missing coordinate": without(ED.jwk, "x"),
    "coordinate that is a number": {**ED.jwk, "x": 5},
    "coordinate that is not base64": {**ED.jwk, "x": "ü€"},
    "short coordinate": {**ED.jwk, "x": "AAAA"},
    "with private key": {**ED.jwk, "d": "A" * 43},
    "kid that is a number": {**ED.jwk, "kid": 5},
    "kty of the wrong type": {**ED.jwk, "kty": ["OKP"]},
    "use of the wrong type": {**ED.jwk, "use": ["sig"]},
    "unknown kty": {**ED.jwk, "kty": "XXX"},
    "no kty": without(ED.jwk, "kty"),
    "even RSA exponent": {**RSA.jwk, "e": "Ag"},
    "RSA exponent 1": {**RSA.jwk, "e": "AQ"},
    "string instead of a key": "key",
    "null instead of a key": None,
}


@pytest.mark.parametrize("kind", IGNORED_KEYS)
def test_unsupported_keys_are_ignored(kind: str) -> None:
    assert [key.kid for key in parse_jwks(document(IGNORED_KEYS[kind], EC384.jwk)).keys] == [EC384.kid]


INVALID_DOCUMENTS = {
    "empty body": b"",
    "HTML": b"<html>",
    "invalid UTF-8": b"\xff",
    "deep nesting": b"[" * 100_000,
    "list": b"[]",
    "no keys field": b"{}",
    "keys that is an object": b'{"keys": {}}',
    "no keys": document(),
    "no usable key": document(IGNORED_KEYS["shared secret"]),
    "too many keys": document(*[ED.jwk] * 101),
    "one kid for two keys": document({**ED.jwk, "kid": "a"}, {**EC.jwk, "kid": "a"}),
    "two keys without kid": document(without(ED.jwk, "kid"), without(EC.jwk, "kid")),
}


@pytest.mark.parametrize("kind", INVALID_DOCUMENTS)
def test_invalid_document_is_rejected(kind: str) -> None:
    with pytest.raises(InvalidJwksError) as error:
        parse_jwks(INVALID_DOCUMENTS[kind])
    assert "\n" not in str(error.value)


def test_duplicate_kid_is_ignored() -> None:
    keys = parse_jwks(document({**ED.jwk, "kid": "a"}, {**EC.jwk, "kid": "a"}, RSA.jwk))

    assert keys.find("a") is None
    assert keys.find(RSA.kid) is not None
    assert keys.find(None) is None


def test_repeated_key_counts_once() -> None:
    keys = parse_jwks(document(ED.jwk, ED.jwk))

    assert keys.find(ED.kid) == keys.find(None) is not None


def test_missing_kid_matches_only_a_single_key() -> None:
    assert parse_jwks(document(without(ED.jwk, "kid"))).find(None) is not None
    assert parse_jwks(document(ED.jwk, EC.jwk)).find(None) is None
