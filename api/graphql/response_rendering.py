"""HTTP responses of the GraphQL API, in the media type that the client prefers.

GraphQL over HTTP (September 2026) defines the media type application/graphql-response+json, with a status for each kind of error.
Most clients that accept plain JSON only are older and read a body as a GraphQL response only with status 200. They get status 200
for every valid GraphQL request, except for the statuses in _STATUSES_KEPT_FOR_PLAIN_JSON.
"""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from api.graphql.content_negotiation import GRAPHQL_JSON, JSON, AcceptPreference, NotAcceptable
from api.graphql.request_parsing import InvalidGraphQLRequestError
from api.responses import encode_json
from graphql_schema.execution.result import OperationResult, error_result
from services.errors import QueryTooComplex

_COMMON_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept"}
_STATUSES_KEPT_FOR_PLAIN_JSON = {HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.TOO_MANY_REQUESTS}


def render_result(result: OperationResult, preference: AcceptPreference) -> Response:
    """Return the response to a GraphQL request."""
    media_type = preference.media_type or JSON
    if result.status == HTTPStatus.NOT_FOUND and preference.accepts_plain_json:
        # "Persisted query not found" is a step of the APQ protocol; Apollo iOS reads the body of a 2xx response only.
        media_type = JSON
    status = _status(result, media_type)
    headers = {"Allow": "POST"} if status == HTTPStatus.METHOD_NOT_ALLOWED else {}
    return _response(result, media_type, status, headers | result.headers if status == result.status else headers)


def render_invalid_request(invalid_request: InvalidGraphQLRequestError, preference: AcceptPreference) -> Response:
    """Return the response to an invalid GraphQL request."""
    media_type = preference.media_type or JSON
    is_unprocessable = invalid_request.status == HTTPStatus.UNPROCESSABLE_ENTITY
    status = 400 if media_type == JSON and is_unprocessable else invalid_request.status
    return _response(error_result(invalid_request.error), media_type, status)


def render_not_acceptable() -> Response:
    """Return the response for an Accept header that allows none of the supported media types."""
    error = NotAcceptable(f"Supported media types: {GRAPHQL_JSON}, {JSON}; the Accept header allows none of them.")
    return _response(error_result(error), JSON, error.status)


def _status(result: OperationResult, media_type: str) -> int:
    return result.status if media_type == GRAPHQL_JSON or result.status in _STATUSES_KEPT_FOR_PLAIN_JSON else 200


def _response(result: OperationResult, media_type: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    try:
        body = encode_json(result.body)
    except QueryTooComplex as error:
        too_large = error_result(error)
        return _response(too_large, media_type, _status(too_large, media_type))
    return Response(body, status, {**_COMMON_HEADERS, **(headers or {})}, f"{media_type}; charset=utf-8")
