"""Bodies of which one member or the other is not what it should be: taken or refused, but never by a crash."""

from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st

from tests.fuzzing.requests.paths import addresses
from tests.fuzzing.response_checks import judge_status
from tests.fuzzing.target import Operation, Target
from tests.fuzzing.values.malformed_values import as_json, spoiled
from tests.fuzzing.values.schema_values import plausible

FORM = "application/x-www-form-urlencoded"


def media_type(operation: Operation) -> str:
    """Return the media type of the bodies that an operation reads; JSON where it reads none."""
    return next(iter(operation.declared.get("requestBody", {}).get("content", {})), "application/json")


def tree_for(target: Target, operation: Operation) -> st.SearchStrategy[Any]:
    """Return what an operation takes as its body, with something odd in one place or the other."""
    schema = operation.declared.get("requestBody", {}).get("content", {}).get(media_type(operation), {}).get("schema", {})
    return plausible(target.book(operation), schema or {"type": "object", "properties": {"title": {"type": "string"}}})


def fuzz_bodies(target: Target, data: st.DataObject) -> None:
    """Write something, by any operation that reads a body."""
    operation = data.draw(st.sampled_from([one for one in target.operations if "requestBody" in one.declared]), label="operation")
    path = data.draw(addresses(target, operation, hostile=False), label="path")
    tree = data.draw(tree_for(target, operation), label="body")
    if data.draw(st.integers(0, 9)) == 9:
        tree = data.draw(spoiled(tree), label="spoiled")
    token = target.victims.current().token if operation.about_accounts else target.token
    headers = {"Authorization": f"Bearer {token}", "Content-Type": media_type(operation)}
    content = _form(tree) if media_type(operation) == FORM else as_json(tree)
    answer = target.rest(operation.method.upper(), path, headers=headers, content=content)
    if answer.status_code == 401:
        target.victims.drop(token)
    judge_status(answer, operation.declared["responses"])


def _form(tree: Any) -> bytes:
    pairs = tree.items() if isinstance(tree, dict) else [(str(tree), "")]
    return urlencode([(_raw(name), _raw(value)) for name, value in pairs]).encode()


def _raw(value: Any) -> bytes:
    return str(value).encode("utf-8", "surrogatepass")
