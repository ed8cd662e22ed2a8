"""Open to all: what this is, and how it is."""

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

_log = logging.getLogger("todo.ready")

router = create_router("", "Service")
INFO_RESPONSES: Responses = {200: {"model": schemas.ServiceInfo, "description": "Addresses."}}
HEALTH_RESPONSES: Responses = {200: {"model": schemas.HealthStatus, "description": "Yes."}}


@router.get("/", operation_id="about", responses=INFO_RESPONSES | errors())
async def about(request: Request) -> Response:
    """Say what this is, and where everything is."""
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
    """Is the process alive? Asks nothing of the database."""
    return responses.json_response({"status": "ok"})


@router.get("/ready", operation_id="ready", responses=HEALTH_RESPONSES | errors())
async def ready(request: Request) -> Response:
    """Can it serve? The database answers and is migrated."""
    try:
        await get_container(request).readiness_probe.check()
    except NotReadyError as error:
        # Anybody may ask, so what is wrong stands in the log alone.
        _log.warning("not ready: %s", error)
        raise Unavailable("The service cannot work just now; its log says why.") from error
    return responses.json_response({"status": "ready"})
