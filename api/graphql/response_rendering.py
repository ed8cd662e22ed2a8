"""Outcomes → HTTP answers, in the media type that the client wishes.

GraphQL over HTTP (September 2026) knows one media type, application/graphql-response+json, and a status for everything. Clients
of plain JSON are older than that: most take a body for GraphQL's only beside a 200, so they get one for every GraphQL request.
"""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from api.graphql.content_negotiation import GRAPHQL_JSON, JSON, AcceptPreference, NotAcceptable
from api.graphql.request_parsing import InvalidGraphQLRequestError
from api.responses import encode_json
from graphql_schema.execution.result import OperationResult, error_result

VARY = "Authorization, Accept"
_COMMON = {"Cache-Control": "private, no-cache", "Vary": VARY}
_STATUSES_KEPT_FOR_PLAIN_JSON = {HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.TOO_MANY_REQUESTS}


def render_result(outcome: OperationResult, wish: AcceptPreference) -> Response:
    """Answer a GraphQL request."""
    media_type = wish.media_type or JSON
    if outcome.status == HTTPStatus.NOT_FOUND and wish.accepts_plain_json:
        # A step of APQ's handshake, not a failure: Apollo's client for iOS reads the body of a 2xx only.
        media_type = JSON
    status = _status(outcome, media_type)
    headers = {"Allow": "POST"} if status == HTTPStatus.METHOD_NOT_ALLOWED else {}
    return _response(outcome, media_type, status, headers | outcome.headers if status == outcome.status else headers)


def render_invalid_request(refused: InvalidGraphQLRequestError, wish: AcceptPreference) -> Response:
    """Answer what was no GraphQL request."""
    media_type = wish.media_type or JSON
    unprocessable = media_type == JSON and refused.status == HTTPStatus.UNPROCESSABLE_ENTITY
    return _response(error_result(refused.error), media_type, 400 if unprocessable else refused.status)


def render_not_acceptable() -> Response:
    """Answer that none of our media types would be accepted."""
    error = NotAcceptable(f"Answers are {GRAPHQL_JSON} or {JSON}; the Accept header allows neither.")
    return _response(error_result(error), JSON, error.status)


def _status(outcome: OperationResult, media_type: str) -> int:
    return outcome.status if media_type == GRAPHQL_JSON or outcome.status in _STATUSES_KEPT_FOR_PLAIN_JSON else 200


def _response(outcome: OperationResult, media_type: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode_json(outcome.body), status, {**_COMMON, **(headers or {})}, f"{media_type}; charset=utf-8")
