"""Accounts to be thrown away: whoever logs out, deletes the account or changes its password does so with one of these."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.reading.names import snake
from tests.support.api_clients import TLS
from tests.support.users import PASSWORD


def client(url: str) -> httpx.Client:
    """Return a client for a service; on a busy machine an answer may take its time."""
    return httpx.Client(base_url=url, verify=TLS, timeout=60)


def unused_email() -> str:
    """Return an e-mail that nobody has."""
    return f"{uuid.uuid4().hex}@example.com"


@dataclass
class Victim:
    """An account, and all that its owner knows of it, by the names under which bodies ask for it."""

    token: str
    facts: dict[str, str]
    rows: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)

    def values(self, type_name: str, field_name: str) -> list[Any]:
        """Return what the account's rows had in a field at first."""
        return [row[snake(field_name)] for row in self.rows.get(type_name, ()) if row.get(snake(field_name)) is not None]

    def cursors(self, type_name: str, order_by: Any) -> list[str]:
        """Return no cursors."""
        return []

    def learn(self, changes: Mapping[str, Any]) -> None:
        """Note what the account was changed to."""
        if "password" in changes:
            self.facts |= {"password": changes["password"], "current_password": changes["password"]}
        if "email" in changes:
            self.facts |= {"email": changes["email"], "username": changes["email"]}


@dataclass
class Victims:
    """Has one account at hand, and another once that one is gone."""

    http: httpx.Client
    furnished: bool = False  # with a few rows
    _current: Victim | None = field(default=None, init=False)

    def current(self) -> Victim:
        """Return the account at hand."""
        if self._current is None:
            self._current = self._register()
        return self._current

    def drop(self, token: str) -> None:
        """Let go of the account at hand, if this is the token that opens nothing any more."""
        if self._current is not None and self._current.token == token:
            self._current = None

    def _register(self) -> Victim:
        email = unused_email()
        answer = self.http.post("/api/auth/register", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        admission = answer.json()
        secrets = {name: value for name, value in admission.items() if isinstance(value, str)}
        known = {"email": email, "username": email, "password": PASSWORD, "current_password": PASSWORD}
        rows = self._furnish(admission["access_token"]) if self.furnished else {}
        return Victim(admission["access_token"], {**secrets, **known}, rows)

    def _furnish(self, token: str) -> dict[str, list[dict[str, Any]]]:
        """Make a few rows; return them by their types."""

        def make(path: str, **members: Any) -> dict[str, Any]:
            answer = self.http.post(path, json=members, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 201, answer.text
            return dict(answer.json())

        lists = [make("/api/me/lists", name="Home")]
        tags = [make("/api/me/tags", name=name) for name in ("a", "b")]
        tasks = [make("/api/me/tasks", title="x", list_id=lists[0]["id"], tag_ids=[tags[0]["id"]])]
        tasks += [make("/api/me/tasks", title="y", parent_id=tasks[0]["id"])]
        comments = [make(f"/api/me/tasks/{tasks[0]['id']}/comments", body="x")]
        sessions = self.http.get("/api/auth/sessions", headers={"Authorization": f"Bearer {token}"}).json()
        return {"Task": tasks, "TaskList": lists, "Tag": tags, "Comment": comments, "DeletePayload": sessions + tasks}
