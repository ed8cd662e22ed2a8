"""Swagger UI at /docs, with files from an installed package, so that it works without internet access."""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from api.web.page import HtmlPage

_FILES = Path(fastapi_offline.__file__).parent / "static"
_PAGE = HtmlPage((Path(__file__).parent / "swagger_ui.html").read_text())


def install_swagger_ui(app: FastAPI) -> None:
    """Add the page and its static files to the app."""
    app.mount("/docs/files", StaticFiles(directory=_FILES), name="docs-files")

    app.docs_url = "/docs"

    async def docs(_: Request) -> HTMLResponse:
        return _PAGE.response()

    app.add_route(app.docs_url, docs, ["GET"], include_in_schema=False)  # serves HEAD too
