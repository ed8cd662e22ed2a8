"""Finished trees → HTTP answers. orjson writes them; nothing is validated a second time on the way out."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from services.auth.login import AuthTokens
from services.json_types import JsonObject
from services.query_engine.result_format import PageResult, RowWithRevision
from services.resource_service import CreateResult

_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


def encode_json(tree: object) -> bytes:
    """Write a tree as JSON, times in UTC with a Z."""
    return orjson.dumps(tree, option=orjson.OPT_UTC_Z)


def json_response(tree: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer any tree."""
    return Response(encode_json(tree), status, {**_PRIVATE, **(headers or {})}, "application/json")


def row_response(tree: JsonObject) -> Response:
    """Answer one row, with its revision as ETag."""
    return json_response(tree, headers={"ETag": f'"{tree["revision"]}"'})


def projected_row_response(found: RowWithRevision) -> Response:
    """Return the selected part of one row, with the row's revision as ETag."""
    return json_response(found.row, headers={"ETag": f'"{found.revision}"'})


def quoted_path(request: Request) -> str:
    """Return the path of the request as it may stand in a header: a user's id can hold any character."""
    return quote(request.scope["path"])


def created_response(made: CreateResult[JsonObject], place: str) -> Response:
    """Answer a new row, which is at that place: 201, or 200 where the same request created it before."""
    headers = {"ETag": f'"{made.row["revision"]}"', "Location": f"{place}/{made.row_id}"}
    return json_response(made.row, 201 if made.created else 200, headers)


def page_response(found: PageResult, request: Request) -> Response:
    """Answer a bare array; where there is more, with the address of the next page in Link (RFC 8288)."""
    if found.next_cursor is None:
        return json_response(found.objects)
    parameters = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    target = f"{quoted_path(request)}?{urlencode([*parameters, ('cursor', found.next_cursor)])}"
    return json_response(found.objects, headers={"Link": f'<{target}>; rel="next"'})


def no_content() -> Response:
    """Answer that it is done."""
    return Response(status_code=204)


def token_response(given: AuthTokens[JsonObject], status: int = 200) -> Response:
    """Answer a token, in the form of OAuth 2 (RFC 6749, 5.1), and whom it belongs to."""
    tree = {
        "access_token": given.access_token,
        "token_type": "bearer",
        "refresh_token": given.refresh_token,
        "expires_in": given.expires_in,
        "user": given.user,
    }
    return json_response(tree, status, {"Cache-Control": "no-store"})
