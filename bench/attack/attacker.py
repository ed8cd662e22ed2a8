"""Account of the attacks that need one."""

import httpx

_EMAIL = "attacker@example.com"
_PASSWORD = "correct horse"  # noqa: S105 - of a temporary database


def register(url: str) -> str:
    """Register the account, and return its id."""
    account = {"email": _EMAIL, "password": _PASSWORD}
    access_token = _access_token(httpx.post(f"{url}/api/auth/register", json=account))
    me = httpx.get(f"{url}/api/auth/me", headers={"Authorization": f"Bearer {access_token}"})
    return str(me.raise_for_status().json()["id"])


def log_in(url: str) -> str:
    """Return an access token of the registered account."""
    return _access_token(httpx.post(f"{url}/api/auth/login", data={"username": _EMAIL, "password": _PASSWORD}))


def _access_token(response: httpx.Response) -> str:
    return str(response.raise_for_status().json()["access_token"])
