"""Authentication middleware: it authenticates once per request, on metered routes only."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from api.concurrency.user_slots import UserSlots
from api.middleware.authentication import AuthenticationMiddleware
from services.auth.authenticator import Authenticator
from services.errors import Unauthenticated
from services.rate_limiting.client import NO_LIMITS, Client
from services.user_context import UserContext
from tests.support.service import RunningService
from tests.support.users import TestUser


class Call(NamedTuple):
    """A request: method, path and further arguments of httpx."""

    method: str
    path: str
    options: dict[str, Any]

    def send(self, http: httpx.Client) -> None:
        """Send the request."""
        http.request(self.method, self.path, **self.options)


METERED = {
    "list": Call("GET", "/api/me/tasks", {}),
    "create": Call("POST", "/api/me/tasks", {"json": {"title": "Buy milk"}}),
    "comment": Call("POST", "/api/me/tasks/00000000-0000-0000-0000-000000000000/comments", {"json": {"body": "x"}}),
    "account": Call("GET", "/api/auth/me", {}),
    "sessions": Call("GET", "/api/auth/sessions", {}),
    "login": Call("POST", "/api/auth/login", {"data": {"username": "unknown@example.com", "password": "wrong wrong"}}),
    "logout": Call("POST", "/api/auth/logout", {}),
    "invalid JSON": Call("POST", "/api/me/tasks", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
    "invalid media type": Call("POST", "/api/me/tasks", {"content": b"x", "headers": {"Content-Type": "text/plain"}}),
    "repeated parameter": Call("GET", "/api/me/tasks?limit=1&limit=2", {}),
    "another user": Call("GET", "/api/another/tasks", {}),
    "GraphQL over POST": Call("POST", "/graphql", {"json": {"query": "{ viewer { id } }"}}),
    "GraphQL over GET": Call("GET", "/graphql", {"params": {"query": "{ viewer { id } }"}}),
    "GraphQL, invalid JSON": Call("POST", "/graphql", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
}
UNMETERED = {
    "about": Call("GET", "/", {}),
    "health": Call("GET", "/health", {}),
    "ready": Call("GET", "/ready", {}),
    "OpenAPI document": Call("GET", "/openapi.json", {}),
    "Swagger UI": Call("GET", "/docs", {}),
    "static file": Call("GET", "/docs/files/favicon.png", {}),
    "GraphiQL": Call("GET", "/graphql", {"headers": {"Accept": "text/html"}}),
    "unknown path": Call("GET", "/api/me/nothing", {}),
    "unknown method": Call("DELETE", "/api/me/tasks", {}),
    "unknown method of GraphQL": Call("PUT", "/graphql", {}),
    "CORS preflight": Call(
        "OPTIONS",
        "/api/me/tasks",
        {"headers": {"Origin": "http://localhost:1", "Access-Control-Request-Method": "POST"}},
    ),
    "large body": Call("POST", "/api/me/tasks", {"content": b" " * 2_000_000}),
}


@pytest.fixture
def authentications(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The access tokens that the service authenticates during the test."""
    tokens: list[str | None] = []
    authenticate = Authenticator.authenticate

    async def record_and_authenticate(authenticator: Authenticator, token: str | None, client: Client) -> UserContext:
        tokens.append(token)
        return await authenticate(authenticator, token, client)

    monkeypatch.setattr(Authenticator, "authenticate", record_and_authenticate)
    return tokens


@pytest.fixture
def http(service: RunningService, user: TestUser) -> Iterator[httpx.Client]:
    """An HTTP client with an access token."""
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {user.token}"}) as client:
        yield client


@pytest.mark.parametrize("call", METERED.values(), ids=METERED)
def test_metered_request_is_authenticated_once(
    http: httpx.Client, user: TestUser, authentications: list[str | None], call: Call
) -> None:
    call.send(http)

    assert authentications == [user.token]


@pytest.mark.parametrize("call", UNMETERED.values(), ids=UNMETERED)
def test_unmetered_request_is_not_authenticated(http: httpx.Client, authentications: list[str | None], call: Call) -> None:
    call.send(http)

    assert authentications == []


class Endpoint:
    """An ASGI application that sends a response, and the middleware around it with one slot for each user."""

    def __init__(self, user_id: str | None) -> None:
        self.slots = UserSlots(2, NO_LIMITS)
        self.was_free_while_sending: list[bool] = []
        self._user_id = user_id
        self._middleware = AuthenticationMiddleware(self.respond)

    async def authenticate(self, *_: object) -> object:
        """Return the user, or raise Unauthenticated, as the authenticator does."""
        if self._user_id is None:
            raise Unauthenticated("")
        return SimpleNamespace(user_id=self._user_id)

    async def is_slot_free(self) -> bool:
        """Return whether another request of the user would get a slot soon."""
        try:
            async with asyncio.timeout(0.05), self.slots.hold({}, "ada"):
                return True
        except TimeoutError:
            return False

    async def respond(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send a response."""
        assert self._user_id is None or not await self.is_slot_free()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(self, _: Message) -> None:
        """Record whether the slot is free when a message is sent to the client."""
        self.was_free_while_sending.append(await self.is_slot_free())

    async def call(self) -> None:
        """Send a request to the middleware."""
        container = SimpleNamespace(authenticator=self, rate_limiter=NO_LIMITS, user_slots=self.slots)
        app = SimpleNamespace(state=SimpleNamespace(container=container))
        scope: Scope = {"type": "http", "method": "GET", "headers": [], "state": {}, "app": app}

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        await asyncio.wait_for(self._middleware(scope, receive, self.send), 2)


def test_slot_is_free_while_the_response_is_sent() -> None:
    endpoint = Endpoint("ada")

    asyncio.run(endpoint.call())

    assert endpoint.was_free_while_sending == [True, True]


def test_slot_is_free_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = Endpoint("ada")

    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(endpoint._middleware, "_app", fail)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(endpoint.call())

    assert asyncio.run(endpoint.is_slot_free())


def test_anonymous_request_needs_no_slot() -> None:
    async def call_while_the_slot_is_held(endpoint: Endpoint) -> None:
        async with endpoint.slots.hold({}, "ada"):
            await endpoint.call()

    asyncio.run(call_while_the_slot_is_held(Endpoint(None)))
    with pytest.raises(TimeoutError):
        asyncio.run(call_while_the_slot_is_held(Endpoint("ada")))
