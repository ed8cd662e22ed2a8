"""Tokens that were good once, or never: whoever comes with one is let in as its owner, or not at all, and alike at both doors."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

import jwt
from hypothesis import strategies as st

from tests.conftest import SECRET
from tests.fuzzing.hostile import as_header, deep, mutated, scalars, spoiled, texts, trees
from tests.fuzzing.target import Target
from tests.fuzzing.verdict import codes

CLAIMS = ("sub", "user_id", "id", "iss", "sid", "aud", "exp", "iat", "nbf", "jti", "email", "name", "scope", "scopes")
HEADERS = ("alg", "typ", "kid", "crit", "b64", "jku", "jwk", "x5u", "zip", "cty")
SCHEMES = ("Bearer ", "bearer ", "BEARER ", "Bearer  ", "Bearer\t", "Bearer", "Bearer,", "Token ", "Basic ", "", "Bearer Bearer ")
REFUSED = {"UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED"}


@dataclass(frozen=True)
class Forged:
    """A token, and the only users that it may speak for."""

    text: str
    owners: frozenset[str]


def _segment(tree: Any) -> bytes:
    text = tree if isinstance(tree, str) else json.dumps(tree)
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).rstrip(b"=")


def write(header: Any, claims: Any, secret: str = SECRET, digest: str = "sha256") -> str:
    """Write a token with a right signature, whatever it says; a text is written as it stands."""
    signed = _segment(header) + b"." + _segment(claims)
    signature = hmac.new(secret.encode(), signed, getattr(hashlib, digest)).digest()
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@st.composite
def accidents(draw: st.DrawFn, target: Target) -> Forged:
    """Return a real token with something broken, or the parts of two."""
    real = {target.ada: "ada", target.member.token: target.member.id, target.member.refresh_token: ""}
    text = draw(st.sampled_from(list(real)))
    if draw(st.booleans()):
        return Forged(draw(mutated(text)), frozenset({real[text]}))
    parts = [draw(st.sampled_from(list(real))).split(".") for _ in range(3)]
    mixed = [part[min(place, len(part) - 1)] for place, part in enumerate(parts)]
    return Forged(".".join(draw(st.permutations(mixed)) if draw(st.booleans()) else mixed), frozenset(real.values()))


@st.composite
def strange_claims(draw: st.DrawFn, target: Target) -> Forged:
    """Return a token that is signed as it should be, by somebody who put strange things into it."""
    claims: Any = {"sub": "ada", "exp": int(time.time()) + 600}
    if draw(st.booleans()):
        claims = jwt.decode(target.member.token, options={"verify_signature": False})
    claims |= draw(st.dictionaries(st.sampled_from(CLAIMS) | texts, st.one_of(trees, st.just("ada")), max_size=4))
    claims = draw(st.one_of(st.just(claims), spoiled(claims)) if draw(st.integers(0, 9)) else deep())
    header = {"alg": "HS256", "typ": "JWT"} | draw(st.dictionaries(st.sampled_from(HEADERS), scalars, max_size=1))
    return Forged(write(header, claims), _named(claims))


def _named(claims: Any) -> frozenset[str]:
    """Return all that could be meant by a user in these claims."""
    said = [claims.get(name) for name in ("sub", "user_id", "id")] if isinstance(claims, dict) else []
    return frozenset(str(value) for value in said)


@st.composite
def other_signatures(draw: st.DrawFn, target: Target) -> Forged:
    """Return a token that says the right things, signed by the wrong hand or in the wrong way, or not at all."""
    claims = jwt.decode(draw(st.sampled_from([target.ada, target.member.token])), options={"verify_signature": False})
    algorithm, digest = draw(
        st.sampled_from([("none", "md5"), ("None", "sha1"), ("HS384", "sha384"), ("HS512", "sha512"), ("RS256", "sha256")])
    )
    text = write({"alg": algorithm}, claims, digest=digest)
    wrong = write({"alg": "HS256"}, claims, secret=draw(st.sampled_from(["", "secret", SECRET.upper(), "null"])))
    return Forged(draw(st.sampled_from([text, wrong, text.rpartition(".")[0] + ".", text.rpartition(".")[0]])), frozenset())


@st.composite
def junk(draw: st.DrawFn) -> Forged:
    """Return what is no token, though it may begin like one."""
    beginning = draw(st.sampled_from(["", "eyJ", "todo_api_", "todo_refresh_", "..", "a.b.c", "=.=.="]))
    return Forged(beginning + draw(texts), frozenset())


def fuzz_tokens(target: Target, data: st.DataObject) -> None:
    """Come to both doors with one token."""
    kinds = [accidents(target), strange_claims(target), other_signatures(target), junk()]
    forged: Forged = data.draw(st.sampled_from(kinds).flatmap(lambda kind: kind), label="token")
    scheme = data.draw(st.just("Bearer ") | st.sampled_from(SCHEMES), label="scheme")
    headers = [(b"Authorization", as_header(scheme + forged.text))]
    if data.draw(st.integers(0, 9), label="twice") == 9:
        headers.append((b"Authorization", f"Bearer {target.ada}".encode()))

    rest = target.rest("GET", "/api/auth/me", headers=headers)
    graph = target.graph_with(headers, b'{"query": "{ viewer { id } }"}')

    assert rest.is_success == ("errors" not in graph), "one door opens, the other does not"
    if rest.is_success:
        assert {rest.json()["id"]} == {graph["data"]["viewer"]["id"]} <= forged.owners
    else:
        assert rest.json()["error_code"] in codes(graph) <= REFUSED
