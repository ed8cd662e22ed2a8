"""Tokens that were good once, or never: whoever comes with one is let in as its owner, or not at all, and alike at both doors."""

import base64
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

import jwt
from hypothesis import strategies as st

from tests.fuzzing.response_checks import codes
from tests.fuzzing.target import Target
from tests.fuzzing.values.malformed_values import as_header, deep, mutated, scalars, spoiled, texts, trees
from tests.issuer import AUDIENCE, NAME
from tests.support.service import SECRET

CLAIMS = ("sub", "user_id", "id", "iss", "sid", "aud", "exp", "iat", "nbf", "jti", "email", "name", "scope", "scopes")
HEADERS = ("alg", "typ", "kid", "crit", "b64", "jku", "jwk", "x5u", "zip", "cty")
SCHEMES = ("Bearer ", "bearer ", "BEARER ", "Bearer  ", "Bearer\t", "Bearer", "Bearer,", "Token ", "Basic ", "", "Bearer Bearer ")
UNSEEN: Any = {"verify_signature": False}
REFUSED = {"UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED"}


@dataclass(frozen=True)
class Forged:
    """A token, and the only users that it may speak for."""

    text: str
    owners: frozenset[str]


def write(header: Any, claims: Any, hand: Any = SECRET, algorithm: str = "HS256") -> str:
    """Write a token with a right signature, whatever it says; claims that are text are written as they stand."""
    signed = f"{_segment(header)}.{_segment(claims)}"
    if isinstance(hand, str):  # PyJWT would refuse to sign with some of these
        signature = hmac.digest(hand.encode(), signed.encode(), f"sha{algorithm[2:]}")
    else:
        signature = jwt.get_algorithm_by_name(algorithm).sign(signed.encode(), hand)
    return f"{signed}.{_base64(signature)}"


def _segment(tree: Any) -> str:
    text = tree if isinstance(tree, str) else json.dumps(tree)
    return _base64(text.encode("utf-8", "surrogatepass"))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@st.composite
def accidents(draw: st.DrawFn, target: Target) -> Forged:
    """Return a real token with something broken, or the parts of two."""
    of_issuers = {key.sign("ada"): "ada" for key in target.keys}
    real = {target.token: "ada", target.member.token: target.member.id, target.member.refresh_token: "", **of_issuers}
    text = draw(st.sampled_from(list(real)))
    if draw(st.booleans()):
        return Forged(draw(mutated(text)), frozenset({real[text]}))
    parts = [draw(st.sampled_from(list(real))).split(".") for _ in range(3)]
    mixed = [part[min(place, len(part) - 1)] for place, part in enumerate(parts)]
    return Forged(".".join(draw(st.permutations(mixed)) if draw(st.booleans()) else mixed), frozenset(real.values()))


@st.composite
def strange_claims(draw: st.DrawFn, target: Target) -> Forged:
    """Return a token that is signed as it should be, by somebody who put strange things into it."""
    header: Any = {"alg": "HS256", "typ": "JWT"}
    claims: Any = {"sub": "ada", "exp": int(time.time()) + 600}
    hand: Any = SECRET
    if draw(st.booleans()):
        key = draw(st.sampled_from(target.keys))
        hand, header = key.private, {"alg": key.algorithm, "kid": key.kid}
        claims |= {"iss": NAME, "aud": AUDIENCE, "iat": int(time.time())}
    elif draw(st.booleans()):
        claims = jwt.decode(target.member.token, options={"verify_signature": False})
    algorithm = header["alg"]
    claims |= draw(st.dictionaries(st.sampled_from(CLAIMS), st.one_of(scalars, texts, trees, st.just("ada")), max_size=2))
    if draw(st.booleans()):
        claims["sub"] = draw(st.one_of(scalars, texts, trees))
    claims = draw(st.just(claims) if draw(st.integers(0, 9)) else st.one_of(spoiled(claims), deep()))
    header |= draw(st.dictionaries(st.sampled_from(HEADERS), st.one_of(scalars, trees), max_size=1))
    header = draw(st.just(header) if draw(st.integers(0, 9)) else trees)
    return Forged(write(header, claims, hand, algorithm), _named(claims))


def _named(claims: Any) -> frozenset[str]:
    """Return all that could be meant by a user in these claims."""
    said = [claims.get(name) for name in ("sub", "user_id", "id")] if isinstance(claims, dict) else []
    return frozenset(str(value) for value in said)


@st.composite
def other_signatures(draw: st.DrawFn, target: Target) -> Forged:
    """Return a token that says the right things, signed by the wrong hand or in the wrong way, or not at all."""
    key = draw(st.sampled_from(target.keys))
    claims = jwt.decode(draw(st.sampled_from([target.token, target.member.token, key.sign("ada")])), options=UNSEEN)
    header = {"alg": draw(st.sampled_from(["HS256", "HS384", "HS512"])), **draw(st.sampled_from([{}, {"kid": key.kid}]))}
    public = [json.dumps(key.jwk), *(str(value) for value in key.jwk.values())]
    signed = write(header, claims, draw(st.sampled_from(["", "secret", SECRET.upper(), *public])), header["alg"])
    long = write(header, claims, SECRET, draw(st.sampled_from(["HS384", "HS512"])))
    lying = write({**header, "alg": draw(st.sampled_from(["none", "None", "RS256", "EdDSA", "ES256", 5, None]))}, claims)
    unsigned = signed.rpartition(".")[0]
    return Forged(draw(st.sampled_from([signed, long, lying, unsigned, f"{unsigned}."])), frozenset())


@st.composite
def junk(draw: st.DrawFn) -> Forged:
    """Return what is no token, though it may begin like one."""
    beginning = draw(st.sampled_from(["", "eyJ", "todo_api_", "todo_refresh_", "..", "a.b.c", "=.=.="]))
    return Forged(beginning + draw(texts), frozenset())


def fuzz_tokens(target: Target, data: st.DataObject) -> None:
    """Come to both doors with one token."""
    kinds = [strange_claims(target), strange_claims(target), accidents(target), other_signatures(target), junk()]
    forged: Forged = data.draw(kinds[data.draw(st.integers(0, len(kinds) - 1))], label="token")
    scheme = data.draw(st.just("Bearer ") | st.sampled_from(SCHEMES), label="scheme")
    headers = [(b"Authorization", as_header(scheme + forged.text))]
    if data.draw(st.integers(0, 9), label="twice") == 9:
        headers.append((b"Authorization", f"Bearer {target.token}".encode()))

    rest = target.rest("GET", "/api/auth/me", headers=headers)
    graph = target.graph_with(headers, b'{"query": "{ viewer { id } }"}')

    assert rest.is_success == ("errors" not in graph), "one door opens, the other does not"
    if rest.is_success:
        assert {rest.json()["id"]} == {graph["data"]["viewer"]["id"]} <= forged.owners
    else:
        assert rest.json()["error_code"] in codes(graph) <= REFUSED
