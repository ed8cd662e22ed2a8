"""Query parameters that are nearly right, and such as are not even wrong: told so, or one's own rows."""

from typing import Any

from hypothesis import strategies as st

from services.reading.graph import ENTITIES
from services.reading.names import snake
from tests.fuzzing.requests.connection_arguments import arguments
from tests.fuzzing.requests.paths import addresses, asking
from tests.fuzzing.response_checks import judge_status
from tests.fuzzing.target import Target
from tests.fuzzing.values.malformed_values import as_json, deep, mutated, texts
from tests.fuzzing.values.schema_values import plausible

OBJECT_TYPES = {"tasks": "task", "subtasks": "task", "lists": "task_list", "tags": "tag", "comments": "comment"}
SEARCHES = ("milk", "milk OR -x", '"oat milk', "bre", "-")


def fuzz_queries(target: Target, data: st.DataObject) -> None:
    """Ask for a list or a row over REST, with all sorts of parameters."""
    operation = data.draw(st.sampled_from([one for one in target.operations if "fields" in one.parameters]), label="operation")
    path = data.draw(addresses(target, operation, hostile=False), label="path")
    noun = [part for part in operation.path.split("/") if not part.startswith("{")][-1]
    asked: dict[str, str] = {}
    for name, parameter in operation.parameters.items():
        if parameter["in"] == "query" and data.draw(st.integers(0, 3)) == 0:
            good, bad = _values(target, data, OBJECT_TYPES.get(noun, "task"), name, parameter["schema"])
            asked[name] = data.draw(bad if data.draw(st.integers(0, 4)) == 4 else good, label=name)
    answer = target.rest("GET", asking(path, asked), owner="ada", headers={"Authorization": f"Bearer {target.token}"})
    judge_status(answer, operation.declared["responses"])


Texts = st.SearchStrategy[str]


def _values(target: Target, data: st.DataObject, entity: str, name: str, schema: dict[str, Any]) -> tuple[Texts, Texts]:
    """Return good values for a parameter, and bad ones."""
    if name in {"fields", "include", "sort"}:
        good = st.lists(_names(entity, name), max_size=4, unique=True).map(",".join)
        return good, st.one_of(good.flatmap(mutated), good.map(lambda text: f"{text}," * 30), texts)
    if name == "filter":
        tree = as_json(_rested(arguments(target, data, "tasks").get("filter", {}))).decode()
        return st.just(tree), st.one_of(mutated(tree), deep())
    if name == "search":
        return st.sampled_from(SEARCHES), texts
    return plausible(target.book(target.operations[0]), schema, oddly=0).map(_as_text), texts


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else as_json(value).decode()


@st.composite
def _names(draw: st.DrawFn, entity: str, name: str) -> str:
    """Return a name, or a path of names, that an entity has."""
    known = ENTITIES[entity]
    if name == "sort":
        return draw(st.sampled_from(["", "-"])) + draw(st.sampled_from(list(known.sorts)))
    if name == "fields" and draw(st.booleans()):
        return draw(st.sampled_from(list(known.columns)))
    relation = draw(st.sampled_from(list(known.relations)))
    return relation + (f".{draw(_names(known.relations[relation].target, name))}" if draw(st.integers(0, 2)) == 2 else "")


def _rested(tree: Any) -> Any:
    """Spell a filter as REST does, as far as it is one."""
    if isinstance(tree, dict):
        return {snake(name): _rested(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_rested(value) for value in tree]
    return tree.lower() if isinstance(tree, str) and tree.isupper() else tree
