"""Endpoints without authentication: service information, liveness and readiness."""

from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import Response

from api import responses, web
from api.authentication import get_container
from api.graphql.content_negotiation import parse_accept
from api.openapi import schemas
from api.openapi.responses import Responses, errors
from api.routing import create_router
from api.web.home import home_page
from models.readiness import NotReadyError
from services.errors import Unavailable

_FAVICON = (Path(web.__file__).parent / "favicon.ico").read_bytes()

router = create_router("", "Service")
_HTML_CONTENT = {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html>…"}}
INFO_RESPONSES: Responses = {
    200: {"model": schemas.ServiceInfo, "description": "Name, version and paths; a page for browsers.", "content": _HTML_CONTENT}
}
HEALTH_RESPONSES: Responses = {200: {"model": schemas.HealthStatus, "description": "Healthy."}}
READY_RESPONSES: Responses = {200: {"model": schemas.HealthStatus, "description": "Ready."}}


@router.get("/api", include_in_schema=False)  # the start page and `todo serve` name it as the address of the API
@router.get("/", operation_id="about", responses=INFO_RESPONSES | errors())
async def about(request: Request) -> Response:
    """Get the name and version of the service, and the paths of its APIs and documentation. Browsers get a page."""
    app: FastAPI = request.app
    vary = {"Vary": "Accept"}
    if parse_accept(request).prefers_html:
        return home_page(app.title, app.version, with_docs=app.docs_url is not None).response(vary)
    paths = {"api": "/api", "docs": app.docs_url, "openapi": app.openapi_url, "graphql": "/graphql"}
    info = {"name": app.title, "version": app.version, **{name: path for name, path in paths.items() if path}}
    return responses.json_response(info, headers=vary)


@router.get("/favicon.ico", include_in_schema=False)
async def favicon() -> Response:
    """Get the icon of the service."""
    return Response(_FAVICON, headers={"Cache-Control": "public, max-age=86400"}, media_type="image/x-icon")


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
        raise Unavailable("The service is not ready; see the log.") from error
    return responses.json_response({"status": "ready"})
