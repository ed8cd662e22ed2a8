"""Errors of all origins → application/problem+json (RFC 9457), through one function."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from services.errors import (
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    TodoError,
)

MEDIA_TYPE = "application/problem+json"


class InternalError(TodoError):
    """Anything else. What it was stands in the log, under the request's id."""

    code, status, title = "INTERNAL", 500, "Internal server error"

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side; the request id finds it in the log.")


def problem_response(error: TodoError, request_id: str | None, headers: Mapping[str, str] | None = None) -> Response:
    """Render an error as problem details. `error_code` and `status_code` repeat code and status for clients that read those."""
    members = {
        "type": "urn:todo:problem:" + error.code.lower().replace("_", "-"),
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "error_code": error.code,
        "status_code": error.status,
        **error.extra_fields,
        "request_id": request_id,
    }
    body = orjson.dumps(members, option=orjson.OPT_UTC_Z)
    return Response(body, error.status, {**error.headers, **(headers or {})}, MEDIA_TYPE)


def install_exception_handlers(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Let the app answer all errors this way; `routes` are all there are, for the Allow header.

    What nothing here knows is the middleware's business.
    """

    async def on_todo_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, TodoError)  # noqa: S101
        return problem_response(error, request.state.request_id)

    async def on_validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return problem_response(InvalidInput.from_pydantic(error.errors(), skip=1), request.state.request_id)

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        translated = error.__cause__ if isinstance(error.__cause__, TodoError) else _from_http_exception(error)
        headers = (
            {"Allow": ", ".join(_allowed_methods(routes, request))} if translated.status == MethodNotAllowed.status else None
        )
        return problem_response(translated, request.state.request_id, headers)

    app.add_exception_handler(TodoError, on_todo_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)


def _from_http_exception(error: HTTPException) -> TodoError:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return NotFound("There is nothing at this address.")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return MethodNotAllowed("This address does not know this method; see the Allow header.")
        case _:
            return InvalidInput.at_pointer("", "The request could not be read.")


def _allowed_methods(routes: Iterable[BaseRoute], request: Request) -> list[str]:
    """Return all methods that this address knows; a single route knows only its own."""
    methods: set[str] = set()
    for route in routes:
        if route.matches(dict(request.scope))[0] is not Match.NONE:
            methods |= set(getattr(route, "methods", None) or ())
    return sorted(methods)
