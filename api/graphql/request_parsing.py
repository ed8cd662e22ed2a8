"""Parser of GraphQL requests in HTTP requests.

Only GET and POST with a JSON body are accepted, and GET is read-only. So a page of another origin cannot write without a CORS
preflight request.
"""

from functools import lru_cache
from typing import Any

from starlette.requests import Request

from api.graphql.content_negotiation import JSON, UTF_8
from api.query_string import check_query_string
from graphql_schema.documents.request import GraphQLRequest, parse_request
from services.errors import InvalidInput, TodoError, UnsupportedMediaType
from services.json_parsing import JsonError, parse_json

_CACHE_SIZE = 64
_MAX_CACHED_LENGTH = 200  # characters
_DOCUMENT_PARAMETERS = ("query", "documentId", "extensions")


class InvalidGraphQLRequestError(Exception):
    """The HTTP request contains no valid GraphQL request. `status` is as in GraphQL over HTTP (September 2026)."""

    def __init__(self, error: TodoError, status: int | None = None) -> None:
        super().__init__(error.detail)
        self.error = error
        self.status = status or error.status


def is_safe_method(request: Request) -> bool:
    """Return whether the method is safe (RFC 9110, 9.2.1), that is, read-only."""
    return request.method != "POST"


def has_no_document(request: Request) -> bool:
    """Return whether the query string contains no document, as when a browser opens the URL."""
    return not any(name in request.query_params for name in _DOCUMENT_PARAMETERS)


async def parse_graphql_request(request: Request) -> GraphQLRequest:
    """Return the GraphQL request. Raises InvalidGraphQLRequestError, InvalidInput for repeated query parameters."""
    try:
        return parse_request(_from_query(request) if is_safe_method(request) else await _from_body(request))
    except InvalidInput as error:
        raise InvalidGraphQLRequestError(error) from None


def _from_query(request: Request) -> dict[str, Any]:
    check_query_string(request)
    if has_no_document(request):
        detail = "Send a GraphQL document as the parameter `query`, or post one as JSON."
        raise InvalidGraphQLRequestError(InvalidInput.at_pointer("/query", detail))
    # Empty parameters count as absent.
    parameters: dict[str, Any] = {name: value for name, value in request.query_params.items() if value}
    return parameters | {
        name: _parse_json(parameters[name], f"`{name}`") for name in ("variables", "extensions") if name in parameters
    }


async def _from_body(request: Request) -> Any:
    content_type = request.headers.get("content-type", "")
    if not (_is_json_cached(content_type) if len(content_type) <= _MAX_CACHED_LENGTH else _is_json(content_type)):
        raise InvalidGraphQLRequestError(UnsupportedMediaType(f"Unsupported media type; send {JSON} in UTF-8."))
    return _parse_json(await request.body(), "The body")


def _parse_json(text: str | bytes, source: str) -> Any:
    try:
        return parse_json(text)
    except JsonError as error:
        raise InvalidGraphQLRequestError(InvalidInput.at_pointer("", f"{source} {error}"), 400) from None


def _is_json(content_type: str) -> bool:
    """Return whether a Content-Type is JSON in UTF-8. JSON defines no other parameters (RFC 8259), so they are ignored."""
    media_type, *parameters = content_type.split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    charsets = {value.strip(' "').lower() for name, _, value in pairs if name.strip().lower() == "charset"}
    return media_type.strip().lower() == JSON and charsets <= UTF_8


_is_json_cached = lru_cache(_CACHE_SIZE)(_is_json)
