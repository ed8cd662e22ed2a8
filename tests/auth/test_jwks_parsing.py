"""Which keys of an issuer's document are taken."""

from typing import Any

import orjson
import pytest

from services.auth.jwks.parsing import BadDocumentError, read_keys
from tests.support.jwks_server import SigningKey

ED, EC, EC384, RSA, SHORT = (SigningKey.make(kind) for kind in ("EdDSA", "ES256", "ES384", "RS256", "RS256, short"))


def document(*entries: Any) -> bytes:
    return orjson.dumps({"keys": entries})


def without(jwk: dict[str, Any], *members: str) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name not in members}


@pytest.mark.parametrize("key", [ED, EC, EC384, RSA], ids=lambda key: str(key.algorithm))
@pytest.mark.parametrize("more", [{}, {"alg": None}, {"use": "sig", "key_ops": ["verify"]}], ids=["plain", "no alg", "told"])
def test_a_signature_key_is_taken_with_the_algorithm_of_its_kind(key: SigningKey, more: dict[str, Any]) -> None:
    found = read_keys(document({**key.jwk, **more})).find(key.kid)

    assert found is not None
    assert found.algorithm == key.algorithm


NOT_TAKEN: dict[str, Any] = {
    "secret": {"kty": "oct", "kid": "a", "alg": "HS256", "k": "c2VjcmV0" * 8},
    "for encryption": {**ED.jwk, "use": "enc"},
    "for other operations": {**ED.jwk, "key_ops": ["deriveKey"]},
    "of strange operations": {**ED.jwk, "key_ops": 5},
    "of another algorithm": {**EC.jwk, "alg": "ES384"},
    "of an algorithm with a shared secret": {**ED.jwk, "alg": "HS256"},
    "of an algorithm not taken": {**RSA.jwk, "alg": "RS512"},
    "short": {**SHORT.jwk, "alg": "RS256"},
    "of another curve": {**ED.jwk, "crv": "Ed448"},
    "of no curve": without(EC.jwk, "crv"),
    "of the wrong length": {**EC.jwk, "crv": "P-384", "alg": "ES384"},
    "off the curve": {**EC.jwk, "y": EC.jwk["x"]},
    "without a coordinate": without(ED.jwk, "x"),
    "of no text": {**ED.jwk, "x": 5},
    "of garbage": {**ED.jwk, "x": "ü€"},
    "too short a coordinate": {**ED.jwk, "x": "AAAA"},
    "published with its secret half": {**ED.jwk, "d": "A" * 43},
    "named by a number": {**ED.jwk, "kid": 5},
    "of a strange kind": {**ED.jwk, "kty": ["OKP"]},
    "of strange use": {**ED.jwk, "use": ["sig"]},
    "of unknown kind": {**ED.jwk, "kty": "XXX"},
    "of no kind": without(ED.jwk, "kty"),
    "an even exponent": {**RSA.jwk, "e": "Ag"},
    "exponent one": {**RSA.jwk, "e": "AQ"},
    "no key at all": "key",
    "nothing": None,
}


@pytest.mark.parametrize("kind", NOT_TAKEN)
def test_other_keys_are_passed_over(kind: str) -> None:
    assert [key.name for key in read_keys(document(NOT_TAKEN[kind], EC384.jwk)).listed] == [EC384.kid]


NONSENSE = {
    "nothing": b"",
    "a page": b"<html>",
    "no text": b"\xff",
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "empty": b"{}",
    "no list": b'{"keys": {}}',
    "no key": document(),
    "no usable key": document(NOT_TAKEN["secret"]),
    "too many": document(*[ED.jwk] * 101),
    "one name for two": document({**ED.jwk, "kid": "a"}, {**EC.jwk, "kid": "a"}),
    "two without names": document(without(ED.jwk, "kid"), without(EC.jwk, "kid")),
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_a_document_without_a_usable_key_is_none(kind: str) -> None:
    with pytest.raises(BadDocumentError) as refused:
        read_keys(NONSENSE[kind])
    assert "\n" not in str(refused.value)


def test_a_name_that_two_keys_bear_names_neither() -> None:
    keys = read_keys(document({**ED.jwk, "kid": "a"}, {**EC.jwk, "kid": "a"}, RSA.jwk))

    assert keys.find("a") is None
    assert keys.find(RSA.kid) is not None
    assert keys.find(None) is None


def test_a_key_listed_twice_counts_once() -> None:
    keys = read_keys(document(ED.jwk, ED.jwk))

    assert keys.find(ED.kid) == keys.find(None) is not None


def test_a_token_without_a_name_means_the_only_key() -> None:
    assert read_keys(document(without(ED.jwk, "kid"))).find(None) is not None
    assert read_keys(document(ED.jwk, EC.jwk)).find(None) is None
