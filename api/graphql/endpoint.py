"""GraphQL endpoint: POST and GET /graphql. A whole operation runs in one worker thread; browsers get the GraphiQL page."""

import re
from asyncio import to_thread

from fastapi import FastAPI, Request
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from api.authentication import get_authentication, get_client, get_container
from api.concurrency.slot_for_thread import SlotForThread
from api.graphql.anonymous_threads import AnonymousThreads
from api.graphql.content_negotiation import AcceptPreference, parse_accept
from api.graphql.executor_factory import build_executor
from api.graphql.graphiql import GraphiQLMiddleware, install_graphiql_files
from api.graphql.request_parsing import InvalidGraphQLRequestError, is_safe_method, parse_graphql_request
from api.graphql.response_rendering import render_invalid_request, render_not_acceptable, render_result
from api.middleware.authentication import AuthenticationMiddleware
from api.settings import Settings
from graphql_schema.context import GraphQLContext
from graphql_schema.documents.request import GraphQLRequest
from graphql_schema.execution.executor import GraphQLExecutor
from graphql_schema.execution.result import OperationResult, error_result
from services.errors import RateLimited

PATH = "/graphql"
_MAX_LOGGED_NAME_LENGTH = 200  # characters
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")


def install_graphql_endpoint(app: FastAPI, settings: Settings) -> None:
    """Add the routes of the GraphQL API to the app. Raises SettingsError if the persisted documents are invalid."""
    executor = build_executor(settings)
    anonymous_threads = AnonymousThreads(settings.graphql_anonymous_threads)

    async def handle(request: Request) -> Response:
        preference = parse_accept(request)
        try:
            return await _execute(executor, anonymous_threads, request, preference)
        except InvalidGraphQLRequestError as error:
            return render_invalid_request(error, preference)

    middleware = [Middleware(AuthenticationMiddleware, on_error=_render_rate_limited)]
    if settings.docs_enabled:
        install_graphiql_files(app)
        middleware.insert(0, Middleware(GraphiQLMiddleware))
    route = _GraphQLRoute(PATH, handle, methods=["GET", "POST"], include_in_schema=False, middleware=middleware)
    app.router.routes.append(route)


class _GraphQLRoute(Route):
    """Route that adds itself to the scope, as FastAPI's routes do, so that the access log contains its path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the request matches, and the items to add to its scope."""
        match, child_scope = super().matches(scope)
        return match, {**child_scope, "route": self}


def _render_rate_limited(request: Request, error: RateLimited) -> Response:
    return render_result(error_result(error), parse_accept(request))


async def _execute(
    executor: GraphQLExecutor, anonymous_threads: AnonymousThreads, request: Request, preference: AcceptPreference
) -> Response:
    graphql_request = await parse_graphql_request(request)
    if preference.media_type is None:
        return render_not_acceptable()
    request.state.graphql_operation = _loggable_name(graphql_request)
    container = get_container(request)
    # An invalid token is an error only if a field requires a user. Logging in and introspection do not.
    context = GraphQLContext(
        get_authentication(request),
        get_client(request),
        auth_service=container.auth_service,
        password_hasher=container.password_hasher,
        deletion_worker=container.deletion_worker,
    )
    context.run_in_slot = SlotForThread(container.user_slots, request.scope["state"])

    def execute() -> OperationResult:
        return executor.execute(graphql_request, context, read_only=is_safe_method(request))

    if context.authentication_error is None:
        return render_result(await to_thread(execute), preference)
    try:
        result = await anonymous_threads.run(context.client.network, execute)
    except RateLimited as error:
        result = error_result(error)
    return render_result(result, preference)


def _loggable_name(request: GraphQLRequest) -> str | None:
    """Return the operation name, truncated; None if it is no name of GraphQL. The document need not contain it."""
    name = (request.operation_name or "")[:_MAX_LOGGED_NAME_LENGTH]
    return name if _NAME.fullmatch(name) else None
