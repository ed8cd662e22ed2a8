"""The composition root. Nothing is built at import time."""

import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from anyio import to_thread
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from api import problem_details
from api.container import open_container
from api.graphql import endpoint
from api.middleware.body_limit import BodyLimitMiddleware
from api.middleware.error_boundary import ErrorBoundaryMiddleware
from api.middleware.rate_limit_headers import HEADERS, RateLimitHeadersMiddleware
from api.middleware.request_logging import RequestLoggingMiddleware
from api.middleware.websocket_limit import WebSocketLimitMiddleware
from api.openapi import customize, swagger_ui
from api.routes import api_tokens, auth, comments, health, lists, sessions, tags, tasks
from api.routing import with_authentication
from api.settings import Environment, Settings
from services.auth.password_hashing import MAX_QUEUED

TITLE = "Todo"
DESCRIPTION = """
Tasks, lists, tags and comments, over REST here and over GraphQL at [/graphql](/graphql): the same rows, rules and errors.

Register, then press *Authorize*. `{user_id}` in a path is the token's subject, or simply `me`.
Every change takes the next revision of your account; it is the ETag of a row, and what `If-Match` compares.
"""
METERED_ROUTE_MODULES = (tasks, lists, tags, comments, auth, sessions, api_tokens)
UNMETERED_ROUTE_MODULES = (health,)
_LOCALHOST = r"http://(localhost|127\.0\.0\.1)(:\d+)?"
_EXPOSED = ["ETag", "Link", "Location", *HEADERS, "Retry-After", "WWW-Authenticate", "X-Request-Id"]


def create_app(settings: Settings) -> FastAPI:
    """Build the service. Its database is opened when it starts and closed when it stops. Raises SettingsError."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # As many threads as connections, since a thread at work holds one; and those that wait for a password to be hashed,
        # which hold none.
        to_thread.current_default_thread_limiter().total_tokens = settings.database_pool_size + MAX_QUEUED
        async with AsyncExitStack() as stack:
            app.state.container = house = stack.enter_context(open_container(settings))
            if house.jwks is not None:
                await stack.enter_async_context(house.jwks.run())
            _tune_garbage_collector()
            yield

    app = FastAPI(
        title=TITLE,
        version=version("todo-backend"),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[{"url": "/"}],
    )
    endpoint.install(app, settings)
    # Single routes, since an included router would be a second search within the first.
    for module in METERED_ROUTE_MODULES:
        app.router.routes += with_authentication(module.router.routes)
    for module in UNMETERED_ROUTE_MODULES:
        app.router.routes += module.router.routes
    if settings.docs_enabled:
        swagger_ui.install(app)
    problem_details.install_exception_handlers(app, app.routes)
    _add_middleware(app, settings)
    customize.install(app)
    return app


def _tune_garbage_collector() -> None:
    """Spare the garbage collector what lives as long as the process, and most of what each request makes.

    Answers are trees, which go without it. Walking through the loaded modules was the longest pause of all; a threshold much
    higher than this makes pauses of its own (bench/RESULTS.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """Add the middleware of all requests, innermost first. Metered routes have their own: AuthenticationMiddleware."""
    app.add_middleware(ErrorBoundaryMiddleware)
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_body_bytes)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_origin_regex=_LOCALHOST if not settings.cors_origins and settings.environment is Environment.DEVELOPMENT else None,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=_EXPOSED,
        max_age=600,
    )
    app.add_middleware(RateLimitHeadersMiddleware)
    app.add_middleware(WebSocketLimitMiddleware, max_open=settings.max_websockets)
    app.add_middleware(RequestLoggingMiddleware)
