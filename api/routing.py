"""The router class of our routes: bodies are read by orjson, which refuses what PostgreSQL could not store either."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.params import Form
from fastapi.routing import APIRoute
from starlette.responses import Response

from services.errors import InvalidInput, UnsupportedMediaType

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class OrjsonRequest(Request):
    """A request whose JSON has no NaN, no lone surrogates, no invalid UTF-8 and no bottomless nesting."""

    async def json(self) -> Any:
        """Return the body's JSON. Raises InvalidInput."""
        try:
            return orjson.loads(await self.body())
        except orjson.JSONDecodeError as error:
            raise InvalidInput.at("", f"The body is not JSON: {error}.") from None


class Route(APIRoute):
    """A route that says 415 to bodies of another kind than it reads."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()
        takes_form = self.body_field is not None and isinstance(self.body_field.field_info, Form)

        async def handle_ours(request: Request) -> Response:
            if self.body_field is not None and _has_body(request):
                _check_media_type(request, takes_form=takes_form)
            return await handle(OrjsonRequest(request.scope, request.receive))

        return handle_ours


def router(prefix: str, tag: str) -> APIRouter:
    """Make a router of ours."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=Route, redirect_slashes=False)


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
