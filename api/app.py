"""Application factory: builds the FastAPI app from the settings. Importing this module builds nothing."""

import gc
from asyncio import get_running_loop
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from api.container import open_container
from api.graphql.endpoint import install_graphql_endpoint
from api.middleware.body_limit import BodyLimitMiddleware
from api.middleware.error_boundary import ErrorBoundaryMiddleware
from api.middleware.path_encoding import PathEncodingMiddleware
from api.middleware.rate_limit_headers import HEADER_NAMES, RateLimitHeadersMiddleware
from api.middleware.request_logging import RequestLoggingMiddleware
from api.middleware.security_headers import SecurityHeadersMiddleware
from api.middleware.websocket_limit import WebSocketLimitMiddleware
from api.openapi.customize import customize_openapi
from api.openapi.document import install_openapi_document
from api.openapi.swagger_ui import install_swagger_ui
from api.problem_details import install_exception_handlers
from api.routes import api_tokens, auth, comments, health, lists, sessions, tags, tasks
from api.routing import with_authentication
from api.server.memory_release import release_memory
from api.server.process_limits import PROCESS_LIMITS, create_process_limits
from api.settings import Environment, Settings
from services.auth.password_hashing import MAX_QUEUED

TITLE = "Todo"
DESCRIPTION = """
Tasks, lists, tags and comments over REST. The GraphQL API at [/graphql](/graphql) has the same data, rules and error codes.

Register, then press *Authorize*. `{user_id}` in a path is the subject of the access token, or `me`.
Every change increments the revision of the account. The ETag of a row is the revision of its last change.
"""
METERED_ROUTE_MODULES = (tasks, lists, tags, comments, auth, sessions, api_tokens)
UNMETERED_ROUTE_MODULES = (health,)
_LOCALHOST = r"http://(localhost|127\.0\.0\.1)(:\d+)?"
_EXPOSED_HEADERS = ["ETag", "Link", "Location", *HEADER_NAMES, "Retry-After", "WWW-Authenticate", "X-Request-Id"]


def create_app(settings: Settings) -> FastAPI:
    """Build the app. Its lifespan opens and closes the database. Raises SettingsError."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
        # One thread for each connection of the pool, because a working thread holds a connection; and one for each queued
        # password, because those threads hold none.
        threads = ThreadPoolExecutor(settings.database_pool_size + MAX_QUEUED, thread_name_prefix="worker")
        get_running_loop().set_default_executor(threads)
        async with AsyncExitStack() as stack:
            app.state.container = container = stack.enter_context(open_container(settings))
            if container.jwks is not None:
                await stack.enter_async_context(container.jwks.run())
            await stack.enter_async_context(container.deletion_worker.run())
            await stack.enter_async_context(container.last_use.run())
            _tune_garbage_collector()
            await stack.enter_async_context(release_memory())
            yield {PROCESS_LIMITS: create_process_limits(settings)}

    app = FastAPI(
        title=TITLE,
        version=version("todo-backend"),
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[{"url": "/"}],
    )
    install_graphql_endpoint(app, settings)
    # Routes are added one by one, because an included router would be searched separately.
    for module in METERED_ROUTE_MODULES:
        app.router.routes += with_authentication(module.router.routes)
    for module in UNMETERED_ROUTE_MODULES:
        app.router.routes += module.router.routes
    if settings.docs_enabled:
        install_swagger_ui(app)
    install_openapi_document(app)
    install_exception_handlers(app, app.routes)
    _add_middleware(app, settings)
    customize_openapi(app)
    return app


def _tune_garbage_collector() -> None:
    """Exclude long-lived objects from garbage collection, and collect less often.

    Traversing the loaded modules caused the longest pauses. Results of requests have no reference cycles, so reference counting
    frees them. A much higher threshold causes long pauses again (bench/RESULTS.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """Add the middleware for all requests, innermost first. Metered routes also have AuthenticationMiddleware."""
    app.add_middleware(PathEncodingMiddleware)
    app.add_middleware(ErrorBoundaryMiddleware)
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_body_bytes)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_origin_regex=_LOCALHOST if not settings.cors_origins and settings.environment is Environment.DEVELOPMENT else None,
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=_EXPOSED_HEADERS,
        max_age=600,
    )
    app.add_middleware(RateLimitHeadersMiddleware)
    app.add_middleware(WebSocketLimitMiddleware, max_open=settings.max_websockets)
    app.add_middleware(SecurityHeadersMiddleware)
    app.add_middleware(RequestLoggingMiddleware)
