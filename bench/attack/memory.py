"""Attacks on memory: large responses, read and unread."""

import asyncio
import json
import secrets

from bench.attack.http_client import connect, exchange

TASKS, TASKS_PER_REQUEST, TAGS = 500, 100, 50
DESCRIPTION = "😀" * 2000
UNREAD = 60
STALL_SECONDS = 10.0
_PAGE = f"/api/me/tasks?limit={TASKS}"
_REST_NESTED = f"/api/me/tags?limit={TAGS}&include=tasks&fields=name,tasks.description"
_GRAPHQL_NESTED = f"{{ tags(first: {TAGS}) {{ nodes {{ tasks(first: {TASKS}) {{ nodes {{ description }} }} }} }} }}"
_LARGEST = "{ tags(first: 4) { nodes { tasks(first: 495) { nodes { description } } } } }"  # just below the maximum
_CREATE_TAG = "mutation($name: String!) { createTag(input: {name: $name}) { tag { id } } }"
_CREATE_TASKS = "mutation($tasks: [CreateTaskInput!]!) { createTasks(inputs: $tasks) { tasks { id } } }"


async def request_large_page(url: str) -> list[int]:
    """Request one page of long texts over REST."""
    token = await _prepare(url)
    return [(await exchange(url, _get(_PAGE, token))).status]


async def request_nested_rest_page(url: str) -> list[int]:
    """Request the long texts once for each tag, over REST."""
    token = await _prepare(url)
    return [(await exchange(url, _get(_REST_NESTED, token))).status]


async def request_nested_graphql_page(url: str) -> list[int]:
    """Request the long texts once for each tag, over GraphQL."""
    token = await _prepare(url)
    return [(await exchange(url, _post("/graphql", {"query": _GRAPHQL_NESTED}, token))).status]


async def request_largest_response(url: str) -> list[int]:
    """Request a response just below the maximum size."""
    token = await _prepare(url)
    return [(await exchange(url, _post("/graphql", {"query": _LARGEST}, token))).status]


async def leave_responses_unread(url: str) -> list[int]:
    """Request the largest response on many connections and read nothing. Return the statuses of the user's next requests."""
    token = await _prepare(url)
    connections = [await connect(url) for _ in range(UNREAD)]
    try:
        for reader, writer in connections:
            reader._transport.pause_reading()  # type: ignore[attr-defined] # noqa: SLF001 - streams have no public way
            writer.write(_post("/graphql", {"query": _LARGEST}, token).encode())
        await asyncio.sleep(STALL_SECONDS)
        return [(await exchange(url, _get("/api/me/tasks?limit=1", token))).status for _ in range(3)]
    finally:
        for _, writer in connections:
            writer.close()


async def _prepare(url: str) -> str:
    """Register a user with long tasks that have all tags, and return their token."""
    credentials = {"email": f"large.{secrets.token_hex(4)}@example.com", "password": "correct horse"}
    token: str = json.loads((await exchange(url, _post("/api/auth/register", credentials))).body)["access_token"]
    tags = [
        (await _graphql(url, token, _CREATE_TAG, {"name": f"tag {number}"}))["createTag"]["tag"]["id"] for number in range(TAGS)
    ]
    tasks = [{"title": "long", "description": DESCRIPTION, "tagIds": tags}] * TASKS_PER_REQUEST
    for _ in range(TASKS // TASKS_PER_REQUEST):
        await _graphql(url, token, _CREATE_TASKS, {"tasks": tasks})
    return token


async def _graphql(url: str, token: str, query: str, variables: object) -> dict[str, dict[str, dict[str, str]]]:
    response = await exchange(url, _post("/graphql", {"query": query, "variables": variables}, token))
    data: dict[str, dict[str, dict[str, str]]] = json.loads(response.body)["data"]
    return data


def _get(path: str, token: str) -> str:
    return f"GET {path} HTTP/1.1\r\nHost: attacked\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"


def _post(path: str, body: object, token: str | None = None) -> str:
    text = json.dumps(body, ensure_ascii=False)
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"POST {path} HTTP/1.1\r\nHost: attacked\r\nConnection: close\r\nContent-Type: application/json\r\n{authorization}"
    return f"{head}Content-Length: {len(text.encode())}\r\n\r\n{text}"
