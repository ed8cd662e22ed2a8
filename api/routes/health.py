"""Endpoints without authentication: service information, liveness and readiness."""

import logging

from fastapi import Request
from starlette.responses import Response

from api import responses
from api.authentication import get_container
from api.openapi import schemas
from api.openapi.responses import Responses, errors
from api.routing import create_router
from models.readiness import NotReadyError
from services.errors import Unavailable

_log = logging.getLogger("todo.readiness")

router = create_router("", "Service")
INFO_RESPONSES: Responses = {200: {"model": schemas.ServiceInfo, "description": "Name, version and paths."}}
HEALTH_RESPONSES: Responses = {200: {"model": schemas.HealthStatus, "description": "Healthy."}}
READY_RESPONSES: Responses = {200: {"model": schemas.HealthStatus, "description": "Ready."}}


@router.get("/", operation_id="about", responses=INFO_RESPONSES | errors())
async def about(request: Request) -> Response:
    """Get the name and version of the service, and the paths of its APIs and documentation."""
    app = request.app
    return responses.json_response(
        {
            "name": app.title,
            "version": app.version,
            "api": "/api",
            "docs": "/docs",
            "openapi": app.openapi_url,
            "graphql": "/graphql",
        }
    )


@router.get("/health", operation_id="health", responses=HEALTH_RESPONSES | errors())
async def health() -> Response:
    """Liveness probe: the process responds. The database is not checked."""
    return responses.json_response({"status": "ok"})


@router.get("/ready", operation_id="ready", responses=READY_RESPONSES | errors())
async def ready(request: Request) -> Response:
    """Readiness probe: the database is reachable and migrated, and row-level security is intact."""
    try:
        await get_container(request).readiness_probe.check()
    except NotReadyError as error:
        # The endpoint is public, so only the log contains the cause.
        _log.warning("readiness check failed: %s", error)
        raise Unavailable("The service is not ready; see the log.") from error
    return responses.json_response({"status": "ready"})
