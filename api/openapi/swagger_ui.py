"""Swagger UI at /docs, with files from an installed package, so that it works without internet access."""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

_FILES = Path(fastapi_offline.__file__).parent / "static"


def install_swagger_ui(app: FastAPI) -> None:
    """Add the page and its static files to the app."""
    app.mount("/docs/files", StaticFiles(directory=_FILES), name="docs-files")

    async def docs(_: Request) -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=app.openapi_url or "/openapi.json",
            title=app.title,
            swagger_js_url="/docs/files/swagger-ui-bundle.js",
            swagger_css_url="/docs/files/swagger-ui.css",
            swagger_favicon_url="/docs/files/favicon.png",
            swagger_ui_parameters={"persistAuthorization": True, "displayRequestDuration": True, "tryItOutEnabled": True},
        )

    app.add_route("/docs", docs, ["GET"], include_in_schema=False)  # serves HEAD too
