"""JSON responses of the REST API, encoded by orjson. Results are not validated again."""

from collections.abc import Mapping
from urllib.parse import quote, unquote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.query_string import check_encoded_length, encode_parameters
from services.auth.login import AuthTokens
from services.json_types import JsonObject
from services.preconditions import EntityTag, Preconditions, TaggedResult
from services.query_engine.execution.budget import MAX_RESPONSE_BYTES, response_too_large
from services.query_engine.result_format import PageResult
from services.resource_service import CreateResult

_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


def encode_json(value: object) -> bytes:
    """Encode a value as JSON, with times in UTC with the suffix Z. Raises QueryTooComplex if it is too large."""
    encoded = orjson.dumps(value, option=orjson.OPT_UTC_Z)
    if len(encoded) > MAX_RESPONSE_BYTES:
        raise response_too_large()
    return encoded


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response that only the client may store."""
    return Response(encode_json(value), status, {**_PRIVATE, **(headers or {})}, "application/json")


def row_response(row: JsonObject) -> Response:
    """Return one row, with its revision as ETag."""
    return json_response(row, headers=_revision_etag(row))


def account_response(account: JsonObject) -> Response:
    """Return the account, with its revision as ETag.

    No cache may store it: the ETags of two accounts may be equal, so a browser could show the account of the previous user.
    """
    headers = {**_revision_etag(account), "Cache-Control": f"{_PRIVATE['Cache-Control']}, no-store"}
    return json_response(account, headers=headers)


def tagged_response(result: TaggedResult[JsonObject]) -> Response:
    """Return a row, with its ETag."""
    return json_response(result.value, headers={"ETag": str(result.tag)})


def hashed_response(value: object, preconditions: Preconditions) -> Response:
    """Return a value that has no revision, with a hash of the body as ETag. Raises NotModified, PreconditionFailed."""
    body = encode_json(value)
    tag = EntityTag.of_content(body)
    preconditions.check_read(tag)
    return Response(body, headers={**_PRIVATE, "ETag": str(tag)}, media_type="application/json")


def not_modified_response(tag: EntityTag) -> Response:
    """Return the response without a body for a client that has the current representation."""
    return Response(status_code=304, headers={**_PRIVATE, "ETag": str(tag)})


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
    headers = {**_revision_etag(result.row), "Location": f"{collection_path}/{result.row_id}"}
    return json_response(result.row, 201 if result.created else 200, headers)


def page_response(result: TaggedResult[PageResult], request: Request) -> Response:
    """Return a page as a JSON array, with the URL of the next page in Link (RFC 8288) if there is one. Raises InvalidInput."""
    check_encoded_length(request)
    page, headers = result.value, {"ETag": str(result.tag)}
    if page.next_cursor is None:
        return json_response(page.objects, headers=headers)
    target = f"{quoted_path(request)}?{encode_parameters(request, page.next_cursor)}"
    return json_response(page.objects, headers={**headers, "Link": f'<{target}>; rel="next"'})


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


def _revision_etag(row: JsonObject) -> dict[str, str]:
    revision = row["revision"]
    assert isinstance(revision, int)  # noqa: S101
    return {"ETag": str(EntityTag.of_revision(revision))}
