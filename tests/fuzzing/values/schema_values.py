"""Values as the OpenAPI document describes them, with something odd in one place or the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from tests.fuzzing.values.malformed_values import scalars, texts, trees

MAX_DEPTH = 5
ODD = st.one_of(texts, texts, scalars, trees)
# What the rules beyond a schema want of members of these names.
GOOD = {"title": "x", "name": "y", "body": "z", "color": "#fff", "email": "a@example.com", "password": "correct horse"}
KINDS: Mapping[str, st.SearchStrategy[Any]] = {
    "string": st.sampled_from(["x", "milk"]),
    "integer": st.integers(1, 100),
    "number": st.sampled_from([0, 1.5, -2]),
    "boolean": st.booleans(),
    "null": st.none(),
}


@dataclass(frozen=True)
class Book:
    """What there is to know for whoever fills in a form: the document's shapes, what a caller knows, and ids that exist."""

    shapes: Mapping[str, Any]
    facts: Mapping[str, Any]
    ids: list[str]

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a schema, or what it refers to."""
        return self.shapes[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def plausible(book: Book, schema: Mapping[str, Any], name: str = "", *, oddly: int = 5, depth: int = 0) -> st.SearchStrategy[Any]:
    """Return values for a schema; below the top one in `oddly` is something else, unless that is 0."""
    schema = book.resolved(schema)
    leaf = _leaf(book, schema, name)
    good = _composed(book, schema, name, oddly, depth) if leaf is None else leaf
    if not (depth and oddly):
        return good
    return st.integers(1, oddly).flatmap(lambda drawn: ODD if drawn == 1 else good)


def _leaf(book: Book, schema: Mapping[str, Any], name: str) -> st.SearchStrategy[Any] | None:
    """Return values of a schema that has no parts; None where it has some."""
    known = book.facts.get(name, GOOD.get(name))
    if known is not None and schema.get("type", "string") == "string":
        return st.just(known)
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    if schema.get("format") == "uuid":
        return st.sampled_from([*book.ids, str(UUID(int=7))])
    return KINDS.get(schema.get("type", ""))


def _composed(book: Book, schema: Mapping[str, Any], name: str, oddly: int, depth: int) -> st.SearchStrategy[Any]:
    if depth >= MAX_DEPTH:
        return ODD
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return st.one_of([plausible(book, choice, name, oddly=oddly, depth=depth) for choice in choices])
    if schema.get("type") == "array":
        item = plausible(book, schema.get("items", {}), name, oddly=oddly, depth=depth + 1)
        return st.lists(item, min_size=schema.get("minItems", 0), max_size=3)
    if schema.get("type") != "object":
        return ODD
    members = schema.get("properties", {}).items()
    parts = {member: plausible(book, shape, member, oddly=oddly, depth=depth + 1) for member, shape in members}
    required = schema.get("required", ())
    return st.fixed_dictionaries(
        {member: part for member, part in parts.items() if member in required},
        optional={member: part for member, part in parts.items() if member not in required},
    )
