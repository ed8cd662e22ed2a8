"""POST and GET /graphql: HTTP in, one operation in one worker thread, HTTP out. GET from a browser shows the explorer."""

from anyio import to_thread
from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.routing import Route

from api import explorer
from api.authentication import arrive, house_of, visitor_of
from api.graph import build_graph
from api.graphql_requests import RefusedRequestError, asked, is_safe, names_no_document
from api.graphql_responses import not_acceptable, refuse, respond
from api.negotiation import Wish, wish_of
from api.settings import Settings
from graphql_schema.context import GraphContext
from graphql_schema.operations import Graph
from graphql_schema.outcomes import Outcome, failed
from services.errors import RateLimited

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
        except RateLimited as error:
            return respond(failed(error), wish)

    if settings.explorer:
        explorer.install(app)
    app.router.routes.append(Route(PATH, serve, methods=["GET", "POST"], include_in_schema=False))


async def _answer(graph: Graph, request: Request, wish: Wish) -> Response:
    # A bad token is no error until a field needs a caller: logging in and introspection do without.
    caller = await arrive(request)
    asking = await asked(request)
    if wish.media_type is None:
        return not_acceptable()
    request.state.operation = asking.operation_name
    house = house_of(request)
    context = GraphContext(caller, visitor_of(request), house.reception, house.passwords)

    def work() -> Outcome:
        return graph.run(asking, context, only_reading=is_safe(request))

    async with house.turns.of(caller):
        outcome = await to_thread.run_sync(work)
    return respond(outcome, wish)
