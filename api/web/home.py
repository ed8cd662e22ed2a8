"""Start page of the service for browsers."""

from functools import lru_cache
from html import escape
from pathlib import Path
from string import Template

from api.web.page import HtmlPage

_TEMPLATE = Template((Path(__file__).parent / "home.html").read_text())
_DOCS_LINKS = (
    ("/docs", "REST API: read the documentation and send requests (Swagger UI)"),
    ("/graphql", "GraphQL API: browse the schema and run queries (GraphiQL)"),
)
_LINKS = (
    ("/openapi.json", "OpenAPI document, to generate clients"),
    ("/health", "Whether the process responds"),
    ("/ready", "Whether the database is available"),
)


@lru_cache(2)
def home_page(name: str, version: str, *, with_docs: bool) -> HtmlPage:
    """Return the page, with links to Swagger UI and GraphiQL if they are enabled."""
    links = (*_DOCS_LINKS, *_LINKS) if with_docs else _LINKS
    items = "\n".join(f'      <dt><a href="{path}">{path}</a></dt>\n      <dd>{escape(text)}</dd>' for path, text in links)
    return HtmlPage(_TEMPLATE.substitute(name=escape(name), version=escape(version), links=items))
