"""JSON responses of the REST API, encoded by orjson. Results are not validated again."""

from collections.abc import Mapping
from urllib.parse import quote, unquote, urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from services.auth.login import AuthTokens
from services.json_types import JsonObject
from services.query_engine.result_format import PageResult, RowWithRevision
from services.resource_service import CreateResult

_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


def encode_json(value: object) -> bytes:
    """Encode a value as JSON, with times in UTC with the suffix Z."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response that only the client may store."""
    return Response(encode_json(value), status, {**_PRIVATE, **(headers or {})}, "application/json")


def row_response(row: JsonObject) -> Response:
    """Return one row, with its revision as ETag."""
    return json_response(row, headers={"ETag": f'"{row["revision"]}"'})


def projected_row_response(result: RowWithRevision) -> Response:
    """Return the selected fields of one row, with its revision as ETag."""
    return json_response(result.row, headers={"ETag": f'"{result.revision}"'})


def quoted_path(request: Request) -> str:
    """Return the percent-encoded path of the request, for use in a header: a user id may contain any character."""
    return "/".join(_quote_segment(unquote(segment)) for segment in request.scope["path"].split("/"))


def user_path(request: Request, collection: str) -> str:
    """Return the percent-encoded path of a collection of the user whom the path of the request names."""
    return f"/api/{_quote_segment(request.path_params['user_id'])}/{collection}"


def _quote_segment(segment: str) -> str:
    """Return an encoded segment. Clients would remove a dot segment, and only a user id can be one."""
    return "me" if segment in {".", ".."} else quote(segment, safe="")


def created_response(result: CreateResult[JsonObject], collection_path: str) -> Response:
    """Return a new row of the collection with status 201, or 200 if an earlier identical request created it."""
    headers = {"ETag": f'"{result.row["revision"]}"', "Location": f"{collection_path}/{result.row_id}"}
    return json_response(result.row, 201 if result.created else 200, headers)


def page_response(page: PageResult, request: Request) -> Response:
    """Return a page as a JSON array, with the URL of the next page in Link (RFC 8288) if there is one."""
    if page.next_cursor is None:
        return json_response(page.objects)
    parameters = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    target = f"{quoted_path(request)}?{urlencode([*parameters, ('cursor', page.next_cursor)])}"
    return json_response(page.objects, headers={"Link": f'<{target}>; rel="next"'})


def no_content() -> Response:
    """Return an empty response with status 204."""
    return Response(status_code=204)


def token_response(tokens: AuthTokens[JsonObject], status: int = 200) -> Response:
    """Return the tokens in the format of OAuth 2.0 (RFC 6749, 5.1), and their user."""
    body = {
        "access_token": tokens.access_token,
        "token_type": "bearer",
        "refresh_token": tokens.refresh_token,
        "expires_in": tokens.expires_in,
        "user": tokens.user,
    }
    return json_response(body, status, {"Cache-Control": "no-store"})
