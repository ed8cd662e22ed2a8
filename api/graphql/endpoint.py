"""POST and GET /graphql: HTTP in, one operation in one worker thread, HTTP out. GET from a browser shows the explorer."""

from anyio import to_thread
from fastapi import FastAPI, Request
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from api.authentication import get_authentication, get_client, get_container
from api.graphql import graphiql
from api.graphql.content_negotiation import AcceptPreference, parse_accept
from api.graphql.executor_factory import build_graph
from api.graphql.request_parsing import InvalidGraphQLRequestError, is_safe_method, parse_graphql_request
from api.graphql.response_rendering import render_invalid_request, render_not_acceptable, render_result
from api.middleware.authentication import AuthenticationMiddleware
from api.settings import Settings
from graphql_schema.context import GraphQLContext
from graphql_schema.execution.executor import GraphQLExecutor
from graphql_schema.execution.result import OperationResult, error_result
from services.errors import RateLimited

PATH = "/graphql"


def install(app: FastAPI, settings: Settings) -> None:
    """Serve the GraphQL API. Raises SettingsError if its documents cannot be used."""
    executor = build_graph(settings)

    async def endpoint(request: Request) -> Response:
        preference = parse_accept(request)
        try:
            return await _execute(executor, request, preference)
        except InvalidGraphQLRequestError as error:
            return render_invalid_request(error, preference)

    middleware = [Middleware(AuthenticationMiddleware, on_error=_render_rate_limited)]
    if settings.docs_enabled:
        graphiql.install(app)
        middleware.insert(0, Middleware(graphiql.ExplorerMiddleware))
    route = _GraphQLRoute(PATH, endpoint, methods=["GET", "POST"], include_in_schema=False, middleware=middleware)
    app.router.routes.append(route)


class _GraphQLRoute(Route):
    """A route that names itself in the scope, as FastAPI's routes do: the access log shows its path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the request matches, and what to add to its scope."""
        match, child_scope = super().matches(scope)
        return match, {**child_scope, "route": self}


def _render_rate_limited(request: Request, error: RateLimited) -> Response:
    return render_result(error_result(error), parse_accept(request))


async def _execute(executor: GraphQLExecutor, request: Request, preference: AcceptPreference) -> Response:
    parsed = await parse_graphql_request(request)
    if preference.media_type is None:
        return render_not_acceptable()
    request.state.operation = parsed.operation_name
    container = get_container(request)
    # An invalid token is no error until a field needs a user: logging in and introspection do without.
    context = GraphQLContext(get_authentication(request), get_client(request), container.auth_service, container.password_hasher)

    def work() -> OperationResult:
        return executor.execute(parsed, context, read_only=is_safe_method(request))

    return render_result(await to_thread.run_sync(work), preference)
