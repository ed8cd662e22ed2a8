"""Pieces of the OpenAPI document that several routes share: every error is declared, with its shape."""

from typing import Any

from api.problems import MEDIA_TYPE
from api.shapes import Problem

Responses = dict[int | str, dict[str, Any]]

_ERRORS = {
    400: "MALFORMED_REQUEST: this is no HTTP request that could be read.",
    401: "UNAUTHENTICATED: no token, or one that no longer opens anything.",
    403: "FORBIDDEN: the path names another user, or the token lacks a scope.",
    404: "NOT_FOUND: absent, deleted, or another user's.",
    405: "METHOD_NOT_ALLOWED: see the Allow header.",
    408: "REQUEST_TIMEOUT: the rest of the request did not come.",
    409: "CONFLICT: it would collide with what is there.",
    412: "PRECONDITION_FAILED: the row has changed; `current` shows it.",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "INVALID_INPUT: `errors` says what to mend.",
    429: "RATE_LIMITED: too much in too short a time; come back after Retry-After seconds.",
    431: "HEADERS_TOO_LARGE: the request line and the headers together.",
    500: "INTERNAL: the request id finds it in the log.",
    503: "UNAVAILABLE: the database is away; try again after Retry-After seconds.",
}
_RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
_HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer"}},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
FORM = "application/x-www-form-urlencoded"
_RATES = {
    "RateLimit": {
        "schema": {"type": "string", "examples": ['"requests";r=1199;t=60']},
        "description": "What is left of each quota that this request took from, and seconds until the oldest of it comes back.",
    },
    "RateLimit-Policy": {
        "schema": {"type": "string", "examples": ['"requests";q=1200;w=60, "cost";q=20000000;w=60']},
        "description": "The quotas that this request falls under, and their windows in seconds.",
    },
}
_ALWAYS = (400, 408, 422, 429, 431, 500, 503)
_ROW_HEADERS = {"ETag": {"schema": {"type": "string"}, "description": "The row's revision, quoted."}}
_PAGE_HEADERS = {"Link": {"schema": {"type": "string"}, "description": 'Where there is more: <address>; rel="next".'}}
_NEW_HEADERS = {**_ROW_HEADERS, "Location": {"schema": {"type": "string"}, "description": "The row's address."}}


def errors(*codes: int) -> Responses:
    """Declare these errors, and those that any request may meet."""
    return {
        code: {
            "description": _ERRORS[code],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            **({"headers": _HEADERS[code]} if code in _HEADERS else {}),
        }
        for code in sorted({*codes, *_ALWAYS})
    }


def owned(*codes: int) -> Responses:
    """Declare what may go wrong under /api/{user_id}."""
    return errors(401, 403, *codes)


def one(shape: Any) -> Responses:
    """Declare an answer with one row."""
    return {200: {"model": shape, "description": "The row.", "headers": _ROW_HEADERS}}


def many(shape: Any) -> Responses:
    """Declare an answer with a page of rows."""
    return {200: {"model": list[shape], "description": "A page, bare.", "headers": _PAGE_HEADERS}}


def new(shape: Any) -> Responses:
    """Declare the answers to creating."""
    again = {"model": shape, "description": "It was created before, by the same request.", "headers": _NEW_HEADERS}
    return {201: {"model": shape, "description": "The new row.", "headers": _NEW_HEADERS}, 200: again}


def gone() -> Responses:
    """Declare the answer to deleting."""
    return {204: {"description": "Done."}}


def show_rates(document: dict[str, Any]) -> None:
    """Declare the headers that every answer has."""
    document["components"]["headers"] = _RATES
    everywhere = {name: {"$ref": f"#/components/headers/{name}"} for name in _RATES}
    for methods in document["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                answer["headers"] = {**answer.get("headers", {}), **everywhere}


def never_null(document: dict[str, Any]) -> None:
    """Say of all parameters and of members of forms that they are not null, nor empty where they are required.

    They are there or not, and what is empty in a form is not there. But pydantic calls what may be absent nullable.
    """
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    for parameter in [parameter for operation in operations for parameter in operation.get("parameters", [])]:
        _not_null(parameter["schema"])
    bodies = [operation["requestBody"]["content"] for operation in operations if "requestBody" in operation]
    for reference in [body[FORM]["schema"]["$ref"] for body in bodies if FORM in body]:
        form = document["components"]["schemas"][reference.rpartition("/")[2]]
        for member in form["properties"].values():
            _not_null(member)
        for name in form["required"]:
            form["properties"][name].setdefault("minLength", 1)


def _not_null(schema: dict[str, Any]) -> None:
    choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
    schema |= {"anyOf": choices} if len(choices) > 1 else dict(*choices)


PROBLEM_SCHEMA = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
