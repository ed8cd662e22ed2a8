"""GraphiQL page, with files from an installed package, so that it works without internet access.

The package is not published by the GraphiQL project, and the page handles tokens. Therefore the page contains the digest of each
file (subresource integrity), and browsers reject other content. The files are identical to those of the npm packages
graphiql 2.4.7, @graphiql/plugin-explorer 0.1.15, react and react-dom 17.0.2, except for a final newline in the two of GraphiQL.
"""

from pathlib import Path

import graphene_django_graphiql_static as package
from fastapi import FastAPI
from starlette.requests import Request
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from api.graphql.content_negotiation import parse_accept
from api.graphql.request_parsing import has_no_document, is_safe_method
from api.middleware.base import HttpMiddleware
from api.web.page import HtmlPage

_FILES = Path(package.__file__).parent / "static" / "graphene_django_graphiql_static"
_PAGE = HtmlPage((Path(__file__).parent / "graphiql.html").read_text())


def install_graphiql_files(app: FastAPI) -> None:
    """Mount the static files of the page."""
    app.mount("/graphql/files", StaticFiles(directory=_FILES), name="graphiql-files")


class GraphiQLMiddleware(HttpMiddleware):
    """Sends the page to browsers. Other requests to the same URL pass through."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request."""
        request = Request(scope)
        if is_safe_method(request) and parse_accept(request).prefers_html and has_no_document(request):
            await _PAGE.response({"Vary": "Accept"})(scope, receive, send)
        else:
            await self._app(scope, receive, send)
