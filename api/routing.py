"""The router class of our routes: bodies are read by orjson, which refuses what PostgreSQL could not store either."""

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from fastapi import APIRouter, Request
from fastapi.params import Form
from fastapi.routing import APIRoute
from starlette.responses import Response

from api.authentication import arrive, house_of
from api.parameters import check_parameters
from services.errors import InvalidInput, UnsupportedMediaType
from services.json_text import NotReadableError, read_json

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class OrjsonRequest(Request):
    """A request whose JSON is read by orjson."""

    async def json(self) -> Any:
        """Return the body's JSON. Raises InvalidInput."""
        try:
            return read_json(await self.body())
        except NotReadableError as error:
            raise InvalidInput.at("", f"The body {error}") from None


class FreeRoute(APIRoute):
    """A route that says 415 to bodies of another kind than it reads. Asking it is not counted."""

    async def admit(self, request: Request) -> None:
        """Decide whether to look at the request at all; everyone is admitted."""

    async def turn(self, _: Request) -> AbstractAsyncContextManager[None]:
        """Return the turn in which the request is served; nobody waits for it."""
        return nullcontext()

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()
        takes_form = self.body_field is not None and isinstance(self.body_field.field_info, Form)

        async def handle_ours(request: Request) -> Response:
            ours = OrjsonRequest(request.scope, request.receive)
            await self.admit(ours)
            check_parameters(ours)
            if self.body_field is not None and _has_body(ours):
                _check_media_type(ours, takes_form=takes_form)
                await ours.body()  # which may take a while to arrive; it keeps it
            async with await self.turn(ours):
                return await handle(ours)

        return handle_ours


class Route(FreeRoute):
    """A route that counts its requests before it looks at anything else, also those that turn out to be malformed."""

    async def admit(self, request: Request) -> None:
        """Raise RateLimited where the caller has asked for too much."""
        await arrive(request)

    async def turn(self, request: Request) -> AbstractAsyncContextManager[None]:
        """Return the caller's next turn."""
        return house_of(request).turns.of(await arrive(request))


def router(prefix: str, tag: str, route_class: type[FreeRoute] = Route) -> APIRouter:
    """Make a router of ours."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=route_class, redirect_slashes=False)


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _check_media_type(request: Request, *, takes_form: bool) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if takes_form and media_type not in _FORMS:
        raise UnsupportedMediaType(f"This takes a form: Content-Type: {_FORMS[0]}.")
    if (
        not takes_form
        and media_type != "application/json"
        and not (media_type.startswith("application/") and media_type.endswith("+json"))
    ):
        raise UnsupportedMediaType("This takes JSON: Content-Type: application/json.")
