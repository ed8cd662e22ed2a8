"""Users and access tokens with default values."""

import time
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import jwt

from tests.support.api_clients import TLS

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class TestUser:
    """A user with an account and an access token."""

    __test__ = False  # pytest collects classes named Test…

    id: str
    email: str
    token: str
    refresh_token: str = ""

    @classmethod
    def register(cls, url: str, **fields: Any) -> "TestUser":
        """Register a new user over REST."""
        body = {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD, "name": "Someone", **fields}
        response = httpx.post(f"{url}/api/auth/register", json=body, verify=TLS)
        assert response.status_code == 201, response.text
        login = response.json()
        return cls(login["user"]["id"], login["user"]["email"], login["access_token"], login["refresh_token"])


def sign_token(claims: dict[str, Any], secret: str, *, lifetime: int = 600, algorithm: str = "HS256") -> str:
    """Sign a token as an external issuer would; claims that are None are omitted."""
    all_claims = {"exp": int(time.time()) + lifetime, **claims}
    return jwt.encode({name: value for name, value in all_claims.items() if value is not None}, secret, algorithm)
