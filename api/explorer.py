"""The GraphQL explorer: GraphiQL in a page of ours, from files that came with a package: it works without the internet.

The package is a stranger's, and the page handles tokens. So the page names each file's digest, and browsers run nothing else. The
files were compared with those of the npm packages graphiql 2.4.7, @graphiql/plugin-explorer 0.1.15, react and react-dom 17.0.2:
they are the same, but for a newline at the end of GraphiQL's two.
"""

from pathlib import Path

import graphene_django_graphiql_static as package
from fastapi import FastAPI
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

_FILES = Path(package.__file__).parent / "static" / "graphene_django_graphiql_static"
_PAGE = (Path(__file__).parent / "explorer.html").read_text()


def install(app: FastAPI) -> None:
    """Serve the files of the page."""
    app.mount("/graphql/files", StaticFiles(directory=_FILES), name="explorer-files")


def page() -> HTMLResponse:
    """Answer the page. At its address other clients get other answers."""
    return HTMLResponse(_PAGE, headers={"Vary": "Accept"})
