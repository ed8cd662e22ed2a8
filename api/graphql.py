"""POST and GET /graphql: HTTP in, one operation in one worker thread, HTTP out. GET from a browser shows the explorer."""

from collections.abc import Mapping
from typing import Any

import orjson
from anyio import to_thread
from fastapi import FastAPI, Request
from graphql import OperationType
from starlette.responses import Response
from starlette.routing import Route

from api import explorer
from api.answers import encode
from api.dependencies import house_of, visitor_of
from graphql_schema.context import GraphContext
from graphql_schema.operations import Graph, GraphRequest, Outcome, request_error
from graphql_schema.schema import build_schema
from services.context import UserContext
from services.errors import InvalidInput, MethodNotAllowed, TodoError, UnsupportedMediaType

PATH = "/graphql"
JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"


class BadRequestError(Exception):
    """The HTTP request holds no GraphQL request that could be run; `status` is how the GraphQL over HTTP draft says so."""

    def __init__(self, error: TodoError, status: int | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error.detail)
        self.error = error
        self.status = status or error.status
        self.headers = headers


def _malformed(detail: str) -> BadRequestError:
    return BadRequestError(InvalidInput.at("", detail), 400)


def install(app: FastAPI, max_cost: int) -> None:
    """Serve the graph."""
    graph = Graph(build_schema(), max_cost)

    async def serve(request: Request) -> Response:
        request.state.route = PATH
        if request.method == "GET" and "query" not in request.query_params and _wants_html(request):
            return explorer.page()
        try:
            return await _answer(graph, request)
        except BadRequestError as error:
            return _response(request, request_error(error.error), error.status, error.headers)

    explorer.install(app)
    app.router.routes.append(Route(PATH, serve, methods=["GET", "POST"], include_in_schema=False))


async def _answer(graph: Graph, request: Request) -> Response:
    asked = _from_query(request) if request.method == "GET" else await _from_body(request)
    request.state.operation = asked.operation_name
    context = await _context(request)

    def work() -> Outcome:
        if request.method == "GET" and graph.operation_type(asked) not in {None, OperationType.QUERY}:
            raise BadRequestError(MethodNotAllowed("GET only reads; send this operation by POST."), headers={"Allow": "POST"})
        return graph.run(asked, context)

    outcome = await to_thread.run_sync(work)
    refused = not outcome.executed and _media_type(request) == GRAPHQL_JSON
    return _response(request, outcome.body, 400 if refused else 200)


async def _context(request: Request) -> GraphContext:
    """A bad token is no error until a field needs a caller: the explorer, logging in and introspection do without."""
    house = house_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    caller: UserContext | TodoError
    try:
        caller = await house.gate.identify(token.strip() if scheme.lower() == "bearer" else None)
        request.state.user_id = caller.user_id
    except TodoError as error:
        caller = error
    return GraphContext(caller, visitor_of(request), house.reception, house.passwords)


def _from_query(request: Request) -> GraphRequest:
    given = request.query_params
    if "query" not in given:
        raise _malformed("Send a GraphQL document as the parameter `query`, or open this address in a browser.")
    members = {name: _json(name, given[name]) for name in ("variables", "extensions") if given.get(name)}
    return _checked({"query": given["query"], "operationName": given.get("operationName") or None, **members})


def _json(name: str, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _malformed(f"`{name}` is not JSON: {error}.") from None


async def _from_body(request: Request) -> GraphRequest:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON:
        raise BadRequestError(UnsupportedMediaType(f"Send JSON: Content-Type: {JSON}."))
    try:
        return _checked(orjson.loads(await request.body()))
    except orjson.JSONDecodeError as error:
        raise _malformed(f"The body is not JSON: {error}.") from None


def _checked(given: Any) -> GraphRequest:
    if not isinstance(given, dict):
        raise _malformed('Send an object: {"query": "…", "variables": {…}, "operationName": "…"}.')
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise _malformed("`query` is missing: a GraphQL document, as text.")
    if variables is not None and not isinstance(variables, dict):
        raise _malformed("`variables` is an object.")
    if not isinstance(given.get("extensions"), dict | None):
        raise _malformed("`extensions` is an object.")
    if name is not None and not isinstance(name, str):
        raise _malformed("`operationName` is a text.")
    return GraphRequest(query, variables, name or None, wants_cost=(given.get("extensions") or {}).get("cost") is True)


def _wants_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _media_type(request: Request) -> str:
    return GRAPHQL_JSON if GRAPHQL_JSON in request.headers.get("accept", "") else JSON


def _response(request: Request, body: Any, status: int, headers: Mapping[str, str] | None = None) -> Response:
    common = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept", **(headers or {})}
    return Response(encode(body), status, common, f"{_media_type(request)}; charset=utf-8")
