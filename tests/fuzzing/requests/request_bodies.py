"""Fuzzer for REST request bodies with invalid values."""

from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st

from tests.fuzzing.requests.paths import paths_for
from tests.fuzzing.response_checks import check_status
from tests.fuzzing.target import Operation, Target
from tests.fuzzing.values.malformed_values import as_json, mutate_tree
from tests.fuzzing.values.schema_values import values_for_schema

FORM = "application/x-www-form-urlencoded"


def media_type(operation: Operation) -> str:
    """Return the media type of an operation's body; JSON if it reads none."""
    return next(iter(operation.declared.get("requestBody", {}).get("content", {})), "application/json")


def body_for(target: Target, operation: Operation) -> st.SearchStrategy[Any]:
    """Return bodies for an operation, some with an invalid value."""
    schema = operation.declared.get("requestBody", {}).get("content", {}).get(media_type(operation), {}).get("schema", {})
    return values_for_schema(
        target.schema_context(operation), schema or {"type": "object", "properties": {"title": {"type": "string"}}}
    )


def fuzz_bodies(target: Target, data: st.DataObject) -> None:
    """Call any operation that reads a body."""
    operation = data.draw(
        st.sampled_from([candidate for candidate in target.operations if "requestBody" in candidate.declared]), label="operation"
    )
    path = data.draw(paths_for(target, operation, with_invalid_parts=False), label="path")
    tree = data.draw(body_for(target, operation), label="body")
    if data.draw(st.integers(0, 9)) == 9:
        tree = data.draw(mutate_tree(tree), label="mutated")
    token = target.accounts.current().token if operation.about_accounts else target.token
    headers = {"Authorization": f"Bearer {token}", "Content-Type": media_type(operation)}
    content = _form(tree) if media_type(operation) == FORM else as_json(tree)
    response = target.rest(operation.method.upper(), path, headers=headers, content=content)
    if response.status_code == 401:
        target.accounts.replace(token)
    check_status(response, operation.declared["responses"])


def _form(tree: Any) -> bytes:
    pairs = tree.items() if isinstance(tree, dict) else [(str(tree), "")]
    return urlencode([(_raw(name), _raw(value)) for name, value in pairs]).encode()


def _raw(value: Any) -> bytes:
    return str(value).encode("utf-8", "surrogatepass")
