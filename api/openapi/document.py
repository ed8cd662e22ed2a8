"""OpenAPI document at /openapi.json, generated and encoded once, outside of the event loop."""

from asyncio import Lock, to_thread

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from api.preconditions import parse_entity_tags
from api.responses import encode_json
from services.preconditions import EntityTag

_IF_NONE_MATCH = "If-None-Match"


class OpenApiDocument:
    """The encoded OpenAPI document of an app, and its entity tag."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._lock = Lock()
        self._encoded: tuple[bytes, EntityTag] | None = None

    async def respond(self, request: Request) -> Response:
        """Return the document, or 304 if the client has it. Raises InvalidInput."""
        body, tag = await self._load()
        headers = {"Cache-Control": "no-cache", "ETag": str(tag)}
        known = parse_entity_tags(_IF_NONE_MATCH, request.headers.getlist(_IF_NONE_MATCH) or None)
        if known is not None and known.has_weak_match(tag):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/json")

    async def _load(self) -> tuple[bytes, EntityTag]:
        async with self._lock:
            if self._encoded is None:
                self._encoded = await to_thread(self._encode)
            return self._encoded

    def _encode(self) -> tuple[bytes, EntityTag]:
        body = encode_json(self._app.openapi())
        return body, EntityTag.of_content(body)


def install_openapi_document(app: FastAPI) -> None:
    """Add the document to the app. Its generator, `app.openapi`, may be replaced until the first request."""
    app.openapi_url = "/openapi.json"
    app.add_route(app.openapi_url, OpenApiDocument(app).respond, ["GET"], include_in_schema=False)  # serves HEAD too
