"""Response declarations of the REST API for the OpenAPI document."""

from typing import Any

from api.openapi.error_examples import ERROR_EXAMPLES
from api.problem_details import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

# Name under `components.responses`, and description.
_ERRORS = {
    400: ("MalformedRequest", "MALFORMED_REQUEST: not a valid HTTP request."),
    401: ("Unauthenticated", "UNAUTHENTICATED: the token is missing, invalid, expired or revoked."),
    403: ("Forbidden", "FORBIDDEN: the path names another user, or the token lacks a scope."),
    404: ("NotFound", "NOT_FOUND: absent, deleted, or owned by another user."),
    405: ("MethodNotAllowed", "METHOD_NOT_ALLOWED: see the Allow header."),
    408: ("RequestTimeout", "REQUEST_TIMEOUT: timed out waiting for the rest of the request."),
    409: ("Conflict", "CONFLICT: conflicts with existing data. EMAIL_TAKEN: another account has the e-mail address."),
    412: ("PreconditionFailed", "PRECONDITION_FAILED: If-Match or If-None-Match does not permit the request; see `current`."),
    413: ("PayloadTooLarge", "PAYLOAD_TOO_LARGE: the body exceeds the size limit."),
    415: ("UnsupportedMediaType", "UNSUPPORTED_MEDIA_TYPE: see `detail` for the media type to send."),
    422: ("InvalidInput", "INVALID_INPUT: see `errors`. QUERY_TOO_COMPLEX: see `detail` for the limit that the request exceeds."),
    429: ("RateLimited", "RATE_LIMITED: retry after Retry-After seconds."),
    431: ("HeadersTooLarge", "HEADERS_TOO_LARGE: the request line and the headers exceed the size limit."),
    500: ("InternalError", "INTERNAL: quote the request id when reporting it."),
    503: ("Unavailable", "UNAVAILABLE: the database is temporarily unavailable; retry after Retry-After seconds."),
}
NAMES = {code: name for code, (name, _) in _ERRORS.items()}
# Possible errors of every request. Routes declare the others.
ALWAYS = (400, 408, 422, 429, 431, 500, 503)

_RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait before a retry."}}
_ERROR_HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Authentication scheme: Bearer."}},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
COMPONENTS = {
    code: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": ERROR_EXAMPLES[code]}},
        **({"headers": _ERROR_HEADERS[code]} if code in _ERROR_HEADERS else {}),
    }
    for code, (_, description) in _ERRORS.items()
}
_ETAG = {
    "schema": {"type": "string"},
    "description": 'Revision of the row, in double quotes. With related rows or several rows, a weak ETag (`W/"…"`), '
    "for If-None-Match only.",
}
_ROW_HEADERS = {"ETag": _ETAG}
READ_HEADERS = {
    **_ROW_HEADERS,
    "Cache-Control": {"schema": {"type": "string"}, "description": "Caches must send If-None-Match before each use."},
    "Vary": {"schema": {"type": "string"}, "description": "Request headers that determine the response."},
}
NOT_MODIFIED: Responses = {
    304: {"description": "The client has the current representation: If-None-Match lists its ETag.", "headers": READ_HEADERS}
}
_PAGE_HEADERS = {
    **READ_HEADERS,
    "Link": {"schema": {"type": "string"}, "description": 'URL of the next page, if there is one: <url>; rel="next".'},
}
_CREATED_HEADERS = {**_ROW_HEADERS, "Location": {"schema": {"type": "string"}, "description": "URL of the row."}}


def errors(*codes: int) -> Responses:
    """Return declarations of these errors. Those that every request may cause are added to the document."""
    return {code: {"description": _ERRORS[code][1]} for code in sorted(codes)}


def user_errors(*codes: int) -> Responses:
    """Return declarations of these errors, and of those of every path under /api/{user_id}."""
    return errors(401, 403, *codes)


def row(schema: Any) -> Responses:
    """Return the declaration of a response with one row."""
    return {200: {"model": schema, "description": "The row.", "headers": _ROW_HEADERS}}


def rows(schema: Any) -> Responses:
    """Return the declaration of a response with several rows."""
    return {200: {"model": list[schema], "description": "The rows, in the order of the request."}}


def readable_row(schema: Any) -> Responses:
    """Return the declarations of the responses to reading one row."""
    return {200: {"model": schema, "description": "The row.", "headers": READ_HEADERS}, **NOT_MODIFIED}


def page(schema: Any) -> Responses:
    """Return the declarations of the responses to reading a page of rows."""
    return {200: {"model": list[schema], "description": "One page of rows.", "headers": _PAGE_HEADERS}, **NOT_MODIFIED}


def created(schema: Any) -> Responses:
    """Return the declarations of the responses to creating a row."""
    existing = {"model": schema, "description": "An earlier identical request created the row.", "headers": _CREATED_HEADERS}
    return {201: {"model": schema, "description": "The new row.", "headers": _CREATED_HEADERS}, 200: existing}


def no_content(description: str = "Deleted.") -> Responses:
    """Return the declaration of an empty response."""
    return {204: {"description": description}}
