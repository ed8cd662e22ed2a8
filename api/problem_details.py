"""Problem details: error responses as application/problem+json (RFC 9457)."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from api.middleware.security_headers import NOSNIFF
from api.responses import not_modified_response
from services.errors import InvalidInput, MethodNotAllowed, NotFound, TodoError
from services.logs.unavailability import log_unavailability
from services.preconditions import NotModified

MEDIA_TYPE = "application/problem+json"


class InternalError(TodoError):
    """Unexpected error. The log contains the cause, with the id of the request."""

    code, status, title = "INTERNAL", 500, "Internal server error"

    def __init__(self) -> None:
        super().__init__("Internal server error. Quote the request id when reporting it.")


def problem_response(error: TodoError, request_id: str | None, headers: Mapping[str, str] | None = None) -> Response:
    """Render an error as problem details. `error_code` and `status_code` repeat code and status, for clients that expect them."""
    problem = {
        "type": "urn:todo:problem:" + error.code.lower().replace("_", "-"),
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "error_code": error.code,
        "status_code": error.status,
        **error.extra_fields,
        "request_id": request_id,
    }
    body = orjson.dumps(problem, option=orjson.OPT_UTC_Z)
    return Response(body, error.status, {**NOSNIFF, **error.headers, **(headers or {})}, MEDIA_TYPE)


def install_exception_handlers(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Render all expected errors of the app as problem details, and NotModified as status 304.

    `routes` are all routes, for the Allow header. ErrorBoundaryMiddleware handles unexpected errors.
    """

    async def on_todo_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, TodoError)  # noqa: S101
        log_unavailability(error)
        return problem_response(error, request.state.request_id)

    async def on_validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return problem_response(InvalidInput.from_pydantic(error.errors(), skip=1), request.state.request_id)

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        todo_error = error.__cause__ if isinstance(error.__cause__, TodoError) else _from_http_exception(error)
        log_unavailability(todo_error)
        headers = (
            {"Allow": ", ".join(_allowed_methods(routes, request))} if todo_error.status == MethodNotAllowed.status else None
        )
        return problem_response(todo_error, request.state.request_id, headers)

    async def on_not_modified(_: Request, error: Exception) -> Response:
        assert isinstance(error, NotModified)  # noqa: S101
        return not_modified_response(error.tag)

    app.add_exception_handler(TodoError, on_todo_error)
    app.add_exception_handler(NotModified, on_not_modified)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)


def _from_http_exception(error: HTTPException) -> TodoError:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return NotFound("Resource not found.")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return MethodNotAllowed("Method not allowed; see the Allow header.")
        case _:
            return InvalidInput.at_pointer("", "The request could not be parsed.")


def _allowed_methods(routes: Iterable[BaseRoute], request: Request) -> list[str]:
    """Return the methods of all routes that match the path. GET routes serve HEAD too."""
    methods: set[str] = set()
    for route in routes:
        if route.matches(dict(request.scope))[0] is not Match.NONE:
            methods |= set(getattr(route, "methods", None) or ())
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)
