"""What any answer must be, whatever was asked: the client's fault or nobody's, told in the declared way, of one's own rows."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import httpx

from services.errors import TodoError

# What a healthy service never answers, to nobody.
_OUR_FAULT = frozenset({"INTERNAL", "UNAVAILABLE"})


def _family(root: type[TodoError]) -> Iterator[str]:
    for child in root.__subclasses__():
        yield child.code
        yield from _family(child)


CODES = frozenset(_family(TodoError)) - _OUR_FAULT


def undeclared(errors: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return those errors of a GraphQL answer that are not of the declared family, or are the service's own fault."""
    return [error for error in errors if error.get("extensions", {}).get("code") not in CODES]


def judge_rest(answer: httpx.Response, owner: str | None = None) -> None:
    """Demand that an answer is a success of this owner's rows, or problem details of a declared kind."""
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
        assert set(members(answer.json(), "user_id")) <= {owner}, answer.text


def judge_graph(answer: httpx.Response) -> dict[str, Any]:
    """Demand that an answer is a GraphQL response with errors of declared kinds only, and return it."""
    assert answer.status_code < 500, answer.text
    if answer.headers["content-type"] == "application/problem+json":
        judge_rest(answer)  # it did not get as far as GraphQL
        return {"errors": [{"extensions": {"code": answer.json()["error_code"]}}]}
    body = answer.json()
    assert isinstance(body, dict)
    assert body.keys() <= {"data", "errors", "extensions"}, body
    assert "data" in body or body.get("errors"), body
    assert not undeclared(body.get("errors", ())), body
    return body


def codes(body: Mapping[str, Any]) -> set[str]:
    """Return the codes of a GraphQL answer's errors."""
    return {error["extensions"]["code"] for error in body.get("errors", ())}


def judge_status(answer: httpx.Response, declared: Container[str]) -> None:
    """Demand that an answer has a status that the OpenAPI document declares."""
    assert str(answer.status_code) in declared, f"{answer.status_code} is not declared: {answer.text}"


def members(tree: Any, name: str) -> Iterator[Any]:
    """Yield all members of a name, at any depth."""
    if isinstance(tree, dict):
        if name in tree:
            yield tree[name]
        for value in tree.values():
            yield from members(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from members(value, name)
