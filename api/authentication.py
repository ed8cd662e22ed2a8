"""Arrivals: at both doors, the first thing about a request is whose it is, and that it counts."""

from typing import Any

from fastapi import Request

from api.house import House
from services.context import UserContext
from services.errors import RateLimited, TodoError
from services.limits.visitor import Visitor

LONGEST_DEVICE = 200
NOBODY = ("", 0)  # whoever comes over a Unix socket


def house_of(request: Request) -> House:
    """Return what was built when the service started."""
    house: House = request.app.state.house
    return house


def visitor_of(request: Request) -> Visitor:
    """Return where the request comes from."""
    return visitor_in(request.scope)


def visitor_in(scope: Any) -> Visitor:
    """Return where an ASGI connection comes from; the same each time, since it keeps what was counted."""
    state: dict[str, Any] = scope.setdefault("state", {})
    if "visitor" not in state:
        house: House = scope["app"].state.house
        device = next((value for name, value in scope["headers"] if name == b"user-agent"), b"").decode("latin-1")
        address, _ = scope.get("client") or NOBODY
        state["visitor"] = Visitor(address, device.strip()[:LONGEST_DEVICE] or None, house.quotas)
    visitor: Visitor = state["visitor"]
    return visitor


async def arrive(request: Request) -> UserContext | TodoError:
    """Return the caller's context, or why there is none. What needs no caller does without.

    The request is counted, once: to its user, or else to the address that it comes from. Raises RateLimited.
    """
    state: dict[str, Any] = request.scope["state"]
    if "caller" not in state:
        state["caller"] = await _identified(request)
    caller: UserContext | TodoError = state["caller"]
    return caller


async def _identified(request: Request) -> UserContext | TodoError:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        bearer = token.strip() if scheme.lower() == "bearer" else None
        context = await house_of(request).gate.identify(bearer, visitor_of(request))
    except RateLimited:
        raise
    except TodoError as error:
        return error
    request.state.user_id = context.user_id
    return context
