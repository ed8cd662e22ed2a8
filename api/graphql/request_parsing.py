"""HTTP requests → GraphQL requests. What a page of another origin may send without asking first (CORS) can only read."""

from functools import lru_cache
from typing import Any

from starlette.requests import Request

from api.graphql.content_negotiation import JSON, UTF_8
from api.query_string import check_parameters
from graphql_schema.documents.request import GraphQLRequest, parse_request
from services.errors import InvalidInput, TodoError, UnsupportedMediaType
from services.json_parsing import JsonError, parse_json

_CACHE_SIZE = 64
_MAX_CACHED_LENGTH = 200  # characters
_OF_DOCUMENT = ("query", "documentId", "extensions")


class InvalidGraphQLRequestError(Exception):
    """The HTTP request holds no GraphQL request. `status` is how GraphQL over HTTP (September 2026) says so."""

    def __init__(self, error: TodoError, status: int | None = None) -> None:
        super().__init__(error.detail)
        self.error = error
        self.status = status or error.status


def is_safe_method(request: Request) -> bool:
    """Tell whether the method promises to change nothing."""
    return request.method != "POST"


def has_no_document(request: Request) -> bool:
    """Tell whether the address alone was asked for, as browsers do."""
    return not any(name in request.query_params for name in _OF_DOCUMENT)


async def parse_graphql_request(request: Request) -> GraphQLRequest:
    """Return what is asked. Raises RefusedRequestError."""
    try:
        return parse_request(_from_query(request) if is_safe_method(request) else await _from_body(request))
    except InvalidInput as error:
        raise InvalidGraphQLRequestError(error) from None


def _from_query(request: Request) -> dict[str, Any]:
    check_parameters(request)
    if has_no_document(request):
        detail = "Send a GraphQL document as the parameter `query`, or post one as JSON."
        raise InvalidGraphQLRequestError(InvalidInput.at_pointer("/query", detail))
    # An empty parameter is no parameter.
    given: dict[str, Any] = {name: value for name, value in request.query_params.items() if value}
    return given | {name: _json(given[name], f"`{name}`") for name in ("variables", "extensions") if name in given}


async def _from_body(request: Request) -> Any:
    header = request.headers.get("content-type", "")
    if not (_is_json(header) if len(header) <= _MAX_CACHED_LENGTH else _reads_as_json(header)):
        raise InvalidGraphQLRequestError(UnsupportedMediaType(f"Send JSON in UTF-8: Content-Type: {JSON}."))
    return _json(await request.body(), "The body")


def _json(text: str | bytes, what: str) -> Any:
    try:
        return parse_json(text)
    except JsonError as error:
        raise InvalidGraphQLRequestError(InvalidInput.at_pointer("", f"{what} {error}"), 400) from None


def _reads_as_json(header: str) -> bool:
    """Tell whether a Content-Type is JSON in UTF-8. Other parameters have no meaning for JSON (RFC 8259)."""
    media_type, *parameters = header.split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    charsets = {value.strip(' "').lower() for name, _, value in pairs if name.strip().lower() == "charset"}
    return media_type.strip().lower() == JSON and charsets <= UTF_8


_is_json = lru_cache(_CACHE_SIZE)(_reads_as_json)
