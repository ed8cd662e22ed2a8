"""Fuzzer for access tokens: both APIs accept the same tokens, each for its own user only."""

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
from tests.fuzzing.values.malformed_values import as_header, deep, mutate_text, mutate_tree, scalars, strings, trees
from tests.support.jwks_server import AUDIENCE, ISSUER
from tests.support.service import SECRET

CLAIMS = ("sub", "user_id", "id", "iss", "sid", "aud", "exp", "iat", "nbf", "jti", "email", "name", "scope", "scopes")
HEADERS = ("alg", "typ", "kid", "crit", "b64", "jku", "jwk", "x5u", "zip", "cty")
SCHEMES = ("Bearer ", "bearer ", "BEARER ", "Bearer  ", "Bearer\t", "Bearer", "Bearer,", "Token ", "Basic ", "", "Bearer Bearer ")
UNVERIFIED: Any = {"verify_signature": False}
EXPECTED_CODES = {"UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED"}


@dataclass(frozen=True)
class ForgedToken:
    """A forged token, and the only users that it may authenticate."""

    text: str
    owners: frozenset[str]


def sign(header: Any, claims: Any, signing_key: Any = SECRET, algorithm: str = "HS256") -> str:
    """Return a correctly signed token; claims that are text are encoded unchanged."""
    signed = f"{_segment(header)}.{_segment(claims)}"
    if isinstance(signing_key, str):  # PyJWT refuses to sign some of these
        signature = hmac.digest(signing_key.encode(), signed.encode(), f"sha{algorithm[2:]}")
    else:
        signature = jwt.get_algorithm_by_name(algorithm).sign(signed.encode(), signing_key)
    return f"{signed}.{_base64(signature)}"


def _segment(tree: Any) -> str:
    text = tree if isinstance(tree, str) else json.dumps(tree)
    return _base64(text.encode("utf-8", "surrogatepass"))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@st.composite
def corrupted_tokens(draw: st.DrawFn, target: Target) -> ForgedToken:
    """Return a valid token with a corrupted part, or parts of several tokens."""
    external_tokens = {key.sign("ada"): "ada" for key in target.keys}
    valid_tokens = {
        target.token: "ada",
        target.registered_user.token: target.registered_user.id,
        target.registered_user.refresh_token: "",
        **external_tokens,
    }
    text = draw(st.sampled_from(list(valid_tokens)))
    if draw(st.booleans()):
        return ForgedToken(draw(mutate_text(text)), frozenset({valid_tokens[text]}))
    parts = [draw(st.sampled_from(list(valid_tokens))).split(".") for _ in range(3)]
    mixed = [part[min(index, len(part) - 1)] for index, part in enumerate(parts)]
    return ForgedToken(".".join(draw(st.permutations(mixed)) if draw(st.booleans()) else mixed), frozenset(valid_tokens.values()))


@st.composite
def tokens_with_unusual_claims(draw: st.DrawFn, target: Target) -> ForgedToken:
    """Return a correctly signed token with unusual claims."""
    header: Any = {"alg": "HS256", "typ": "JWT"}
    claims: Any = {"sub": "ada", "exp": int(time.time()) + 600}
    signing_key: Any = SECRET
    if draw(st.booleans()):
        key = draw(st.sampled_from(target.keys))
        signing_key, header = key.private, {"alg": key.algorithm, "kid": key.kid}
        claims |= {"iss": ISSUER, "aud": AUDIENCE, "iat": int(time.time())}
    elif draw(st.booleans()):
        claims = jwt.decode(target.registered_user.token, options={"verify_signature": False})
    algorithm = header["alg"]
    claims |= draw(st.dictionaries(st.sampled_from(CLAIMS), st.one_of(scalars, strings, trees, st.just("ada")), max_size=2))
    if draw(st.booleans()):
        claims["sub"] = draw(st.one_of(scalars, strings, trees))
    claims = draw(st.just(claims) if draw(st.integers(0, 9)) else st.one_of(mutate_tree(claims), deep()))
    header |= draw(st.dictionaries(st.sampled_from(HEADERS), st.one_of(scalars, trees), max_size=1))
    header = draw(st.just(header) if draw(st.integers(0, 9)) else trees)
    return ForgedToken(sign(header, claims, signing_key, algorithm), _named_users(claims))


def _named_users(claims: Any) -> frozenset[str]:
    """Return all values of the claims that could name a user."""
    user_ids = [claims.get(name) for name in ("sub", "user_id", "id")] if isinstance(claims, dict) else []
    return frozenset(str(value) for value in user_ids)


@st.composite
def tokens_with_wrong_signatures(draw: st.DrawFn, target: Target) -> ForgedToken:
    """Return a token with valid claims and a wrong signature or none."""
    key = draw(st.sampled_from(target.keys))
    claims = jwt.decode(draw(st.sampled_from([target.token, target.registered_user.token, key.sign("ada")])), options=UNVERIFIED)
    header = {"alg": draw(st.sampled_from(["HS256", "HS384", "HS512"])), **draw(st.sampled_from([{}, {"kid": key.kid}]))}
    public = [json.dumps(key.jwk), *(str(value) for value in key.jwk.values())]
    signed = sign(header, claims, draw(st.sampled_from(["", "secret", SECRET.upper(), *public])), header["alg"])
    wrong_length = sign(header, claims, SECRET, draw(st.sampled_from(["HS384", "HS512"])))
    wrong_algorithm = sign({**header, "alg": draw(st.sampled_from(["none", "None", "RS256", "EdDSA", "ES256", 5, None]))}, claims)
    unsigned = signed.rpartition(".")[0]
    return ForgedToken(draw(st.sampled_from([signed, wrong_length, wrong_algorithm, unsigned, f"{unsigned}."])), frozenset())


@st.composite
def random_tokens(draw: st.DrawFn) -> ForgedToken:
    """Return random text, some with the prefix of a token."""
    prefix = draw(st.sampled_from(["", "eyJ", "todo_api_", "todo_refresh_", "..", "a.b.c", "=.=.="]))
    return ForgedToken(prefix + draw(strings), frozenset())


def fuzz_tokens(target: Target, data: st.DataObject) -> None:
    """Send one token to both APIs."""
    kinds = [
        tokens_with_unusual_claims(target),
        tokens_with_unusual_claims(target),
        corrupted_tokens(target),
        tokens_with_wrong_signatures(target),
        random_tokens(),
    ]
    forged: ForgedToken = data.draw(kinds[data.draw(st.integers(0, len(kinds) - 1))], label="token")
    scheme = data.draw(st.just("Bearer ") | st.sampled_from(SCHEMES), label="scheme")
    headers = [(b"Authorization", as_header(scheme + forged.text))]
    if data.draw(st.integers(0, 9), label="twice") == 9:
        headers.append((b"Authorization", f"Bearer {target.token}".encode()))

    rest = target.rest("GET", "/api/auth/me", headers=headers)
    graphql = target.graphql_with_headers(headers, b'{"query": "{ viewer { id } }"}')

    assert rest.is_success == ("errors" not in graphql), "only one API accepts the token"
    if rest.is_success:
        assert {rest.json()["id"]} == {graphql["data"]["viewer"]["id"]} <= forged.owners
    else:
        assert rest.json()["error_code"] in codes(graphql) <= EXPECTED_CODES
