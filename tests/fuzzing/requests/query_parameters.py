"""Fuzzer for the query parameters of REST."""

from typing import Any

from hypothesis import strategies as st

from services.query_engine.case_conversion import to_snake_case
from services.query_engine.entity_registry import ENTITIES
from tests.fuzzing.requests.connection_arguments import arguments
from tests.fuzzing.requests.paths import paths_for, url_with_query
from tests.fuzzing.response_checks import check_status
from tests.fuzzing.target import Target
from tests.fuzzing.values.malformed_values import as_json, deep, mutate_text, strings
from tests.fuzzing.values.schema_values import values_for_schema

ENTITY_BY_COLLECTION = {"tasks": "task", "subtasks": "task", "lists": "task_list", "tags": "tag", "comments": "comment"}
SEARCHES = ("milk", "milk OR -x", '"oat milk', "bre", "-")


def fuzz_queries(target: Target, data: st.DataObject) -> None:
    """Request a list or a row over REST with random query parameters."""
    operation = data.draw(
        st.sampled_from([candidate for candidate in target.operations if "fields" in candidate.parameters]), label="operation"
    )
    path = data.draw(paths_for(target, operation, with_invalid_parts=False), label="path")
    collection = [part for part in operation.path.split("/") if not part.startswith("{")][-1]
    query: dict[str, str] = {}
    for name, parameter in operation.parameters.items():
        if parameter["in"] == "query" and data.draw(st.integers(0, 3)) == 0:
            valid, invalid = _values(target, data, ENTITY_BY_COLLECTION.get(collection, "task"), name, parameter["schema"])
            query[name] = data.draw(invalid if data.draw(st.integers(0, 4)) == 4 else valid, label=name)
    response = target.rest("GET", url_with_query(path, query), owner="ada", headers={"Authorization": f"Bearer {target.token}"})
    check_status(response, operation.declared["responses"])


Strings = st.SearchStrategy[str]


def _values(target: Target, data: st.DataObject, entity: str, name: str, schema: dict[str, Any]) -> tuple[Strings, Strings]:
    """Return a strategy for valid values of a parameter, and one for invalid values."""
    if name in {"fields", "include", "sort"}:
        valid = st.lists(_names(entity, name), max_size=4, unique=True).map(",".join)
        return valid, st.one_of(valid.flatmap(mutate_text), valid.map(lambda text: f"{text}," * 30), strings)
    if name == "filter":
        tree = as_json(_snake_case_filter(arguments(target, data, "tasks").get("filter", {}))).decode()
        return st.just(tree), st.one_of(mutate_text(tree), deep())
    if name == "search":
        return st.sampled_from(SEARCHES), strings
    return values_for_schema(target.schema_context(target.operations[0]), schema, one_in=0).map(_as_text), strings


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else as_json(value).decode()


@st.composite
def _names(draw: st.DrawFn, entity: str, name: str) -> str:
    """Return the name of a field or relation, or a path of them."""
    entity_spec = ENTITIES[entity]
    if name == "sort":
        return draw(st.sampled_from(["", "-"])) + draw(st.sampled_from(list(entity_spec.sort_keys)))
    if name == "fields" and draw(st.booleans()):
        return draw(st.sampled_from(list(entity_spec.columns)))
    relation = draw(st.sampled_from(list(entity_spec.relations)))
    return relation + (f".{draw(_names(entity_spec.relations[relation].target, name))}" if draw(st.integers(0, 2)) == 2 else "")


def _snake_case_filter(tree: Any) -> Any:
    """Return the filter with the names of REST."""
    if isinstance(tree, dict):
        return {to_snake_case(name): _snake_case_filter(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_snake_case_filter(value) for value in tree]
    return tree.lower() if isinstance(tree, str) and tree.isupper() else tree
