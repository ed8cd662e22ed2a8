"""POST and GET /graphql: HTTP in, one operation in one worker thread, HTTP out. GET from a browser shows the explorer."""

from anyio import to_thread
from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.routing import Route

from api import explorer
from api.dependencies import house_of, visitor_of
from api.graph import build_graph
from api.graphql_requests import RefusedRequestError, asked, is_safe, names_no_document
from api.graphql_responses import not_acceptable, refuse, respond
from api.negotiation import Wish, wish_of
from api.settings import Settings
from graphql_schema.context import GraphContext
from graphql_schema.operations import Graph
from graphql_schema.outcomes import Outcome
from services.context import UserContext
from services.errors import TodoError

PATH = "/graphql"


def install(app: FastAPI, settings: Settings) -> None:
    """Serve the graph. Raises SettingsError where its documents cannot be used."""
    graph = build_graph(settings)

    async def serve(request: Request) -> Response:
        request.state.route = PATH
        wish = wish_of(request)
        if settings.explorer and wish.html and is_safe(request) and names_no_document(request):
            return explorer.page()
        try:
            return await _answer(graph, request, wish)
        except RefusedRequestError as refused:
            return refuse(refused, wish)

    if settings.explorer:
        explorer.install(app)
    app.router.routes.append(Route(PATH, serve, methods=["GET", "POST"], include_in_schema=False))


async def _answer(graph: Graph, request: Request, wish: Wish) -> Response:
    asking = await asked(request)
    if wish.media_type is None:
        return not_acceptable()
    request.state.operation = asking.operation_name
    context = await _context(request)

    def work() -> Outcome:
        return graph.run(asking, context, only_reading=is_safe(request))

    return respond(await to_thread.run_sync(work), wish)


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
