"""Client and authenticated user of a request."""

from typing import Any

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import Scope

from api.container import Container
from services.errors import RateLimited, TodoError
from services.rate_limiting.client import Client
from services.user_context import UserContext

MAX_USER_AGENT_LENGTH = 200
UNKNOWN_ADDRESS = ("", 0)  # of clients that connect to a Unix socket


def get_container(request: Request) -> Container:
    """Return the dependency container of the app."""
    return container_from_scope(request.scope)


def container_from_scope(scope: Scope) -> Container:
    """Return the dependency container of the app."""
    container: Container = scope["app"].state.container
    return container


def get_client(request: Request) -> Client:
    """Return the client that sent the request."""
    return client_from_scope(request.scope)


def client_from_scope(scope: Scope) -> Client:
    """Return the client of an ASGI connection: always the same object, because it holds the quota usage."""
    state: dict[str, Any] = scope.setdefault("state", {})
    if "client" not in state:
        user_agent = Headers(scope=scope).get("user-agent", "").strip()[:MAX_USER_AGENT_LENGTH]
        address, _ = scope.get("client") or UNKNOWN_ADDRESS
        state["client"] = Client(address, user_agent or None, container_from_scope(scope).rate_limiter)
    client: Client = state["client"]
    return client


async def authenticate(scope: Scope) -> UserContext | TodoError:
    """Return the context of the access token's user, or the authentication error, and store it for the endpoint.

    Consumes one request of the user's quota, or of the quota of the client's address. Raises RateLimited.
    """
    state: dict[str, Any] = scope["state"]
    try:
        context = await container_from_scope(scope).authenticator.authenticate(_bearer_token(scope), client_from_scope(scope))
    except RateLimited:
        raise
    except TodoError as error:
        state["authentication"] = error
        return error
    state["authentication"] = context
    state["user_id"] = context.user_id
    return context


def get_authentication(request: Request) -> UserContext | TodoError:
    """Return the result of authentication. It may be an error, because some endpoints require no user."""
    authentication: UserContext | TodoError = request.scope["state"]["authentication"]
    return authentication


def get_current_user(request: Request) -> UserContext:
    """Return the context of the access token's user. Raises Unauthenticated or Unavailable if there is none."""
    authentication = get_authentication(request)
    if isinstance(authentication, TodoError):
        raise authentication
    return authentication


def _bearer_token(scope: Scope) -> str | None:
    """Return the bearer token of the first Authorization header; None if there is none."""
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
