"""Checks that hold for every response."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import httpx

from services.errors import TodoError

# Codes that a healthy service never returns.
_SERVER_ERRORS = frozenset({"INTERNAL", "UNAVAILABLE"})


def _codes_below(root: type[TodoError]) -> Iterator[str]:
    for child in root.__subclasses__():
        yield child.code
        yield from _codes_below(child)


CODES = frozenset(_codes_below(TodoError)) - _SERVER_ERRORS


def undeclared_errors(errors: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return the errors of a GraphQL response whose code is unknown or a server error."""
    return [error for error in errors if error.get("extensions", {}).get("code") not in CODES]


def check_rest_response(response: httpx.Response, owner: str | None = None) -> None:
    """Check that a response is a success with rows of this owner only, or problem details with a known code."""
    assert response.status_code < 500, response.text
    assert response.headers.get("x-request-id"), response.headers
    if response.is_error:
        assert response.headers["content-type"] == "application/problem+json", response.text
        problem = response.json()
        assert problem["error_code"] in CODES, problem
        assert problem["status"] == problem["status_code"] == response.status_code, problem
    if response.status_code == 401:
        assert "www-authenticate" in response.headers
    if owner is not None and response.is_success and response.content:
        assert set(values_of_key(response.json(), "user_id")) <= {owner}, response.text


def check_graphql_response(response: httpx.Response) -> dict[str, Any]:
    """Check that a response is a GraphQL response with known error codes only, and return it."""
    assert response.status_code < 500, response.text
    if response.headers["content-type"] == "application/problem+json":
        check_rest_response(response)  # rejected before GraphQL
        return {"errors": [{"extensions": {"code": response.json()["error_code"]}}]}
    body = response.json()
    assert isinstance(body, dict)
    assert body.keys() <= {"data", "errors", "extensions"}, body
    assert "data" in body or body.get("errors"), body
    assert not undeclared_errors(body.get("errors", ())), body
    return body


def codes(body: Mapping[str, Any]) -> set[str]:
    """Return the error codes of a GraphQL response."""
    return {error["extensions"]["code"] for error in body.get("errors", ())}


def check_status(response: httpx.Response, declared: Container[str]) -> None:
    """Check that the OpenAPI document declares the status of a response."""
    assert str(response.status_code) in declared, f"{response.status_code} is not declared: {response.text}"


def values_of_key(tree: Any, name: str) -> Iterator[Any]:
    """Yield the values of a key at any depth."""
    if isinstance(tree, dict):
        if name in tree:
            yield tree[name]
        for value in tree.values():
            yield from values_of_key(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from values_of_key(value, name)
