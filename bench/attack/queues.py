"""Attacks of one user who sends requests that wait for a slow write of this user.

Each attack is a function of the URL of the service. It returns the status codes of the responses, 0 if there was none.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

CONCURRENCY = 40
_TIMEOUT = 120.0  # seconds
_LEVELS, _BULK, _WRITES = 4, 500, 4
_Send = Callable[[httpx.Client], httpx.Response]


def fresh_api_tokens(url: str) -> list[int]:
    """Send 40 requests with an API token that was not used before, while a slow write runs."""

    def prepare(http: httpx.Client) -> _Send:
        body = {"name": "fresh", "scopes": ["tasks:read"]}
        token = http.post("/api/auth/tokens", json=body).raise_for_status().json()["token"]
        return lambda anonymous: anonymous.get("/api/me/tasks", headers={"Authorization": f"Bearer {token}"})

    return _attack(url, prepare)


def logouts(url: str) -> list[int]:
    """Log out with a refresh token, 40 times, while a slow write runs."""
    return _attack(url, lambda http: _with_refresh_token(http, "/api/auth/logout"))


def refreshes(url: str) -> list[int]:
    """Refresh a session, 40 times, while a slow write runs."""
    return _attack(url, lambda http: _with_refresh_token(http, "/api/auth/refresh"))


def _with_refresh_token(http: httpx.Client, path: str) -> _Send:
    body = {"refresh_token": http.headers["X-Refresh-Token"]}
    return lambda anonymous: anonymous.post(path, json=body)


def _attack(url: str, prepare: Callable[[httpx.Client], _Send]) -> list[int]:
    """Run slow writes of a new user, and the requests 40 at a time until the writes have ended."""
    with (
        httpx.Client(base_url=url, timeout=_TIMEOUT) as http,
        httpx.Client(base_url=url, timeout=_TIMEOUT, limits=httpx.Limits(max_connections=CONCURRENCY)) as anonymous,
        ThreadPoolExecutor(CONCURRENCY + 1) as threads,
    ):
        ids = _register(http)
        send = prepare(http)
        writes = threads.submit(_write_slowly, http, ids)
        requests = list(threads.map(lambda _: _status(send, anonymous), range(CONCURRENCY)))
        return [*requests, *writes.result()]


def _register(http: httpx.Client) -> list[str]:
    """Register a user with trees of subtasks; return the ids of 500 tasks."""
    account = {"email": f"{os.urandom(8).hex()}@example.com", "password": "correct horse"}
    tokens = http.post("/api/auth/register", json=account).raise_for_status().json()
    http.headers.update({"Authorization": f"Bearer {tokens['access_token']}", "X-Refresh-Token": tokens["refresh_token"]})
    parents: list[str | None] = [None] * _BULK
    ids: list[str] = []
    for _ in range(_LEVELS):
        tasks = [{"title": "Task", "parentId": parent} if parent else {"title": "Task"} for parent in parents]
        query = "mutation($tasks: [CreateTaskInput!]!) { createTasks(inputs: $tasks) { tasks { id } } }"
        ids = [task["id"] for task in _execute(http, query, tasks=tasks)["createTasks"]["tasks"]]
        parents = list(ids)
    return ids


def _write_slowly(http: httpx.Client, ids: list[str]) -> list[int]:
    """Update 500 tasks several times."""
    query = "mutation($ids: [ID!]!, $input: UpdateTaskInput!) { updateTasks(ids: $ids, input: $input) { tasks { id } } }"
    for number in range(_WRITES):
        _execute(http, query, ids=ids, input={"title": f"Task {number}"})
    return [200] * _WRITES


def _execute(http: httpx.Client, query: str, **variables: Any) -> Any:
    response = http.post("/graphql", json={"query": query, "variables": variables}).raise_for_status().json()
    return response["data"]


def _status(send: _Send, http: httpx.Client) -> int:
    try:
        return send(http).status_code
    except httpx.HTTPError:
        return 0
