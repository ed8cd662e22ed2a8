"""Routers of the REST API. Their routes check the query string and the media type, and parse JSON with orjson."""

from asyncio import to_thread
from collections.abc import Callable, Coroutine, Iterable, Iterator
from copy import copy
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.params import Form
from fastapi.routing import APIRoute
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from api.middleware.authentication import AuthenticationMiddleware
from api.query_string import check_query_string
from services.database_errors import rerun_if_stale
from services.errors import InvalidInput, UnsupportedMediaType
from services.json_parsing import JsonError, parse_json

_FORM_MEDIA_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


class TaskIdConvertor(StringConvertor):
    """Path segment of a task id. `move` is a path of its own, for all methods: a GET of it is 405."""

    regex = "(?!move$)[^/]+"


register_url_convertor("task_id", TaskIdConvertor())


class OrjsonRequest(Request):
    """Request whose JSON is parsed by orjson. Rejects JSON that PostgreSQL cannot store."""

    async def json(self) -> Any:
        """Return the parsed body. Raises InvalidInput."""
        try:
            return parse_json(await self.body())
        except JsonError as error:
            raise InvalidInput.at_pointer("", f"The body {error}") from None


class OrjsonRoute(APIRoute):
    """Route that rejects repeated query parameters (422) and bodies of an unsupported media type (415).

    GET routes serve HEAD too. It is not in `methods`, because FastAPI would add each of them to the OpenAPI document.
    Endpoints that block run in the executor of the event loop, which costs 0.7 of the CPU of anyio threads (bench/RESULTS.md).
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint if iscoroutinefunction(endpoint) else _in_worker_thread(endpoint), **options)
        self.path = self.path_format  # without the names of convertors, for the log

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the request matches, and the items to add to its scope."""
        match, child_scope = super().matches(scope)
        if "%" in scope["path"] and match is not Match.NONE:
            # The path is encoded by PathEncodingMiddleware.
            child_scope["path_params"] = {name: unquote(value) for name, value in child_scope["path_params"].items()}
        return (Match.FULL if match is Match.PARTIAL and self._serves_head(scope) else match), child_scope

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request. The server omits the body of a response to HEAD."""
        await (self.app if self._serves_head(scope) else super().handle)(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, preceded by the checks."""
        handle = super().get_route_handler()
        is_form = self.body_field is not None and isinstance(self.body_field.field_info, Form)

        async def check_and_handle(request: Request) -> Response:
            check_query_string(request)
            if self.body_field is not None and _has_body(request):
                _check_media_type(request, is_form=is_form)
                request = OrjsonRequest(request.scope, request.receive)
            return await handle(request)

        return check_and_handle

    def _serves_head(self, scope: Scope) -> bool:
        return scope["method"] == "HEAD" and "GET" in (self.methods or ())


def create_router(prefix: str, tag: str) -> APIRouter:
    """Create a router of the REST API."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=OrjsonRoute, redirect_slashes=False)


def with_authentication(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """Wrap copies of the routes in AuthenticationMiddleware. All apps of a process share the originals."""
    for route in routes:
        assert isinstance(route, Route)  # noqa: S101
        wrapped = copy(route)
        wrapped.app = AuthenticationMiddleware(route.app)
        yield wrapped


def _in_worker_thread(endpoint: Callable[..., Response]) -> Callable[..., Coroutine[Any, Any, Response]]:
    run_endpoint = rerun_if_stale(endpoint)

    @wraps(endpoint)
    async def run(**arguments: Any) -> Response:
        return await to_thread(run_endpoint, **arguments)

    return run


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _check_media_type(request: Request, *, is_form: bool) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if is_form and media_type not in _FORM_MEDIA_TYPES:
        raise UnsupportedMediaType(f"Unsupported media type; send {_FORM_MEDIA_TYPES[0]}.")
    if (
        not is_form
        and media_type != "application/json"
        and not (media_type.startswith("application/") and media_type.endswith("+json"))
    ):
        raise UnsupportedMediaType("Unsupported media type; send application/json.")
