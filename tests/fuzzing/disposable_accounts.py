"""Accounts for requests that log out, delete the account or change its password."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.query_engine.case_conversion import to_snake_case
from tests.support.api_clients import TLS
from tests.support.users import PASSWORD


def client(url: str) -> httpx.Client:
    """Return an HTTP client with a timeout that suits a busy machine."""
    return httpx.Client(base_url=url, verify=TLS, timeout=60)


def new_email() -> str:
    """Return an unused e-mail address."""
    return f"{uuid.uuid4().hex}@example.com"


@dataclass
class DisposableAccount:
    """An account, and its secrets by their field names in request bodies."""

    token: str
    known_values: dict[str, str]
    rows: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)

    def values(self, type_name: str, field_name: str) -> list[Any]:
        """Return the initial values of a field in the account's rows."""
        return [
            row[to_snake_case(field_name)]
            for row in self.rows.get(type_name, ())
            if row.get(to_snake_case(field_name)) is not None
        ]

    def cursors(self, type_name: str, order_by: Any) -> list[str]:
        """Return no cursors."""
        return []

    def record_changes(self, changes: Mapping[str, Any]) -> None:
        """Record changes of the account."""
        if "password" in changes:
            self.known_values |= {"password": changes["password"], "current_password": changes["password"]}
        if "email" in changes:
            self.known_values |= {"email": changes["email"], "username": changes["email"]}


@dataclass
class DisposableAccounts:
    """Provider of one current account, replaced once its token is rejected."""

    http: httpx.Client
    with_rows: bool = False  # a few rows per account
    _current: DisposableAccount | None = field(default=None, init=False)

    def current(self) -> DisposableAccount:
        """Return the current account."""
        if self._current is None:
            self._current = self._register()
        return self._current

    def replace(self, token: str) -> None:
        """Replace the current account if this is its token, which is no longer accepted."""
        if self._current is not None and self._current.token == token:
            self._current = None

    def _register(self) -> DisposableAccount:
        email = new_email()
        response = self.http.post("/api/auth/register", json={"email": email, "password": PASSWORD})
        assert response.status_code == 201, response.text
        login = response.json()
        secrets = {name: value for name, value in login.items() if isinstance(value, str)}
        known = {"email": email, "username": email, "password": PASSWORD, "current_password": PASSWORD}
        rows = self._create_rows(login["access_token"]) if self.with_rows else {}
        return DisposableAccount(login["access_token"], {**secrets, **known}, rows)

    def _create_rows(self, token: str) -> dict[str, list[dict[str, Any]]]:
        """Create a few rows; return them by type."""

        def create(path: str, **fields: Any) -> dict[str, Any]:
            response = self.http.post(path, json=fields, headers={"Authorization": f"Bearer {token}"})
            assert response.status_code == 201, response.text
            return dict(response.json())

        lists = [create("/api/me/lists", name="Home")]
        tags = [create("/api/me/tags", name=name) for name in ("a", "b")]
        tasks = [create("/api/me/tasks", title="x", list_id=lists[0]["id"], tag_ids=[tags[0]["id"]])]
        tasks += [create("/api/me/tasks", title="y", parent_id=tasks[0]["id"])]
        comments = [create(f"/api/me/tasks/{tasks[0]['id']}/comments", body="x")]
        sessions = self.http.get("/api/auth/sessions", headers={"Authorization": f"Bearer {token}"}).json()
        return {"Task": tasks, "TaskList": lists, "Tag": tags, "Comment": comments, "DeletePayload": sessions + tasks}
