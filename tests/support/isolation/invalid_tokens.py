"""Invalid tokens of every kind: malformed, expired, revoked, or of another issuer or key."""

import time
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.api_clients import RestClient
from tests.support.service import SECRET, RunningService, run_sql
from tests.support.users import TestUser, sign_token

Tokens = dict[str, str | None]

# Issuer and audience of external tokens.
EXTERNAL_ISSUER = {"iss": "https://issuer.example", "aud": "https://todo.example"}


def invalid_tokens(service: RunningService, victim: TestUser) -> Tokens:
    """Return tokens that name the victim, or that were valid once."""
    claims = jwt.decode(victim.token, options={"verify_signature": False})

    def local_token(secret: str = SECRET, **changes: Any) -> str:
        return sign_token({**claims, **changes}, secret, algorithm=changes.pop("algorithm", "HS256"))

    external_claims = {"sub": victim.id, "iat": int(time.time()), **EXTERNAL_ISSUER}
    return {
        "anonymous": None,
        "malformed": "x.y.z",
        "expired": local_token(exp=int(time.time()) - 31),
        "forged": local_token("another secret, also long enough to be one"),
        "unsigned": jwt.encode(claims, "", "none"),
        "unknown session": local_token(sid="01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e"),
        "no session": local_token(sid=None),
        "unknown issuer and key": jwt.encode({**claims, "iss": "https://other.example"}, Ed25519PrivateKey.generate(), "EdDSA"),
        "unknown issuer": sign_token({**external_claims, "iss": "https://other.example"}, SECRET),
        "wrong audience": sign_token({**external_claims, "aud": "https://other.example"}, SECRET),
        "signed with another key": jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA"),
        "refresh token": victim.refresh_token,
        **{kind: revoke(service) for kind, revoke in _REVOKED.items()},
    }


def _logged_out(service: RunningService) -> str:
    user = TestUser.register(service.url)
    with RestClient(service.url, user.token) as client:
        client.log_out()
    return user.token


def _deleted(service: RunningService) -> str:
    user = TestUser.register(service.url)
    with RestClient(service.url, user.token) as client:
        client.delete_me()
    return user.token


def _inactive(service: RunningService) -> str:
    user = TestUser.register(service.url)
    run_sql(service.database.owner, 'UPDATE "user" SET is_active = false WHERE id = %s', user.id)
    return user.token


def _deleted_external(service: RunningService) -> str:
    token = sign_token({"sub": f"deleted.{time.time_ns()}", "iat": int(time.time()), **EXTERNAL_ISSUER}, SECRET)
    with RestClient(service.url, token) as client:
        client.delete_me()
    return token


def _api_token(service: RunningService, statement: str) -> str:
    user = TestUser.register(service.url)
    with RestClient(service.url, user.token) as client:
        token = str(client.make_api_token(name="x", scopes=["tasks:read", "tasks:write", "account"])["token"])
    with RestClient(service.url, token) as client:
        client.me()
    run_sql(service.database.owner, statement, user.id)
    return token


_REVOKED: dict[str, Callable[[RunningService], str]] = {
    "logged out": _logged_out,
    "account deleted": _deleted,
    "account inactive": _inactive,
    "external account deleted": _deleted_external,
    "API token deleted": lambda service: _api_token(service, "DELETE FROM api_token WHERE user_id = %s"),
    "API token expired": lambda service: _api_token(service, "UPDATE api_token SET expires_at = now() WHERE user_id = %s"),
}
