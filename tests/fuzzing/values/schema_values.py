"""Values for schemas of the OpenAPI document, some of them invalid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from tests.fuzzing.values.malformed_values import scalars, strings, trees

MAX_DEPTH = 5
ANY_VALUE = st.one_of(strings, strings, scalars, trees)
# Values that satisfy the rules beyond the schema.
VALID_VALUES = {"title": "x", "name": "y", "body": "z", "color": "#fff", "email": "a@example.com", "password": "correct horse"}
VALUES_BY_TYPE: Mapping[str, st.SearchStrategy[Any]] = {
    "string": st.sampled_from(["x", "milk"]),
    "integer": st.integers(1, 100),
    "number": st.sampled_from([0, 1.5, -2]),
    "boolean": st.booleans(),
    "null": st.none(),
}


@dataclass(frozen=True)
class SchemaContext:
    """Schemas of the document, values known to the caller, and existing ids."""

    schemas: Mapping[str, Any]
    known_values: Mapping[str, Any]
    ids: list[str]

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the schema that a reference points to, or the schema itself."""
        return self.schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def values_for_schema(
    schema_context: SchemaContext, schema: Mapping[str, Any], name: str = "", *, one_in: int = 5, depth: int = 0
) -> st.SearchStrategy[Any]:
    """Return values for a schema; below the top level, one in `one_in` is arbitrary, none if it is 0."""
    schema = schema_context.resolved(schema)
    leaf = _leaf(schema_context, schema, name)
    valid = _composed(schema_context, schema, name, one_in, depth) if leaf is None else leaf
    if not (depth and one_in):
        return valid
    return st.integers(1, one_in).flatmap(lambda drawn: ANY_VALUE if drawn == 1 else valid)


def _leaf(schema_context: SchemaContext, schema: Mapping[str, Any], name: str) -> st.SearchStrategy[Any] | None:
    """Return values for a scalar schema; None for a composite one."""
    known = schema_context.known_values.get(name, VALID_VALUES.get(name))
    if known is not None and schema.get("type", "string") == "string":
        return st.just(known)
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    if schema.get("format") == "uuid":
        return st.sampled_from([*schema_context.ids, str(UUID(int=7))])
    return VALUES_BY_TYPE.get(schema.get("type", ""))


def _composed(
    schema_context: SchemaContext, schema: Mapping[str, Any], name: str, one_in: int, depth: int
) -> st.SearchStrategy[Any]:
    if depth >= MAX_DEPTH:
        return ANY_VALUE
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return st.one_of([values_for_schema(schema_context, choice, name, one_in=one_in, depth=depth) for choice in choices])
    if schema.get("type") == "array":
        item = values_for_schema(schema_context, schema.get("items", {}), name, one_in=one_in, depth=depth + 1)
        return st.lists(item, min_size=schema.get("minItems", 0), max_size=3)
    if schema.get("type") != "object":
        return ANY_VALUE
    fields = schema.get("properties", {}).items()
    parts = {
        property_name: values_for_schema(schema_context, property_schema, property_name, one_in=one_in, depth=depth + 1)
        for property_name, property_schema in fields
    }
    required = schema.get("required", ())
    return st.fixed_dictionaries(
        {property_name: part for property_name, part in parts.items() if property_name in required},
        optional={property_name: part for property_name, part in parts.items() if property_name not in required},
    )
