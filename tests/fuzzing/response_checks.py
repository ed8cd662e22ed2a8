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


def check_rest_response(answer: httpx.Response, owner: str | None = None) -> None:
    """Check that a response is a success with rows of this owner only, or problem details with a known code."""
    assert answer.status_code < 500, answer.text
    assert answer.headers.get("x-request-id"), answer.headers
    if answer.is_error:
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        problem = answer.json()
        assert problem["error_code"] in CODES, problem
        assert problem["status"] == problem["status_code"] == answer.status_code, problem
    if answer.status_code == 401:
        assert "www-authenticate" in answer.headers
    if owner is not None and answer.is_success and answer.content:
        assert set(values_of_key(answer.json(), "user_id")) <= {owner}, answer.text


def check_graphql_response(answer: httpx.Response) -> dict[str, Any]:
    """Check that a response is a GraphQL response with known error codes only, and return it."""
    assert answer.status_code < 500, answer.text
    if answer.headers["content-type"] == "application/problem+json":
        check_rest_response(answer)  # rejected before GraphQL
        return {"errors": [{"extensions": {"code": answer.json()["error_code"]}}]}
    body = answer.json()
    assert isinstance(body, dict)
    assert body.keys() <= {"data", "errors", "extensions"}, body
    assert "data" in body or body.get("errors"), body
    assert not undeclared_errors(body.get("errors", ())), body
    return body


def codes(body: Mapping[str, Any]) -> set[str]:
    """Return the error codes of a GraphQL response."""
    return {error["extensions"]["code"] for error in body.get("errors", ())}


def check_status(answer: httpx.Response, declared: Container[str]) -> None:
    """Check that the OpenAPI document declares the status of a response."""
    assert str(answer.status_code) in declared, f"{answer.status_code} is not declared: {answer.text}"


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
