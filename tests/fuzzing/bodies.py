"""Bodies of which one member or the other is not what it should be: taken or refused, but never by a crash."""

from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st

from tests.fuzzing.hostile import as_json, scalars, spoiled, texts, trees
from tests.fuzzing.paths import addresses
from tests.fuzzing.target import Operation, Target
from tests.fuzzing.verdict import judge_status

FORM = "application/x-www-form-urlencoded"
GOOD = {"title": "x", "name": "y", "body": "z", "color": "#fff", "completed": True, "position": 1.5, "scopes": ["account"]}


def media_type(operation: Operation) -> str:
    """Return the media type of the bodies that an operation reads; JSON where it reads none."""
    return next(iter(operation.declared.get("requestBody", {}).get("content", {})), "application/json")


@st.composite
def members(draw: st.DrawFn, target: Target, operation: Operation) -> dict[str, Any]:
    """Return some of the members that an operation takes, most of them as it wants them."""
    schema = operation.declared.get("requestBody", {}).get("content", {}).get(media_type(operation), {}).get("schema", {})
    for choice in (schema, *schema.get("anyOf", ())):
        if "$ref" in choice:
            schema = target.document["components"]["schemas"][choice["$ref"].rpartition("/")[2]]
    good = GOOD | (target.victims.current().facts if operation.about_accounts else {})
    required = schema.get("required", ())
    wanted = [name for name in schema.get("properties", {"title": {}}) if name in required or draw(st.booleans())]
    odd = st.one_of(texts, texts, scalars, trees)
    return {name: good[name] if name in good and draw(st.integers(0, 2)) else draw(odd) for name in wanted}


def fuzz_bodies(target: Target, data: st.DataObject) -> None:
    """Write something, by any operation that reads a body."""
    operation = data.draw(st.sampled_from([one for one in target.operations if "requestBody" in one.declared]), label="operation")
    path = data.draw(addresses(target, operation, hostile=False), label="path")
    tree = data.draw(members(target, operation), label="members")
    if data.draw(st.integers(0, 9)) == 9:
        tree = data.draw(spoiled(tree), label="spoiled")
    token = target.victims.current().token if operation.about_accounts else target.ada
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
