"""Cost of introspection: the number of fields that it resolves, by the real sizes of the lists of the schema.

These lists have no pages, and graphql-core completes each of their values. A selection is counted once for each object that it is
applied to, however often the operation reaches that object, so counting takes much less time than resolving.
"""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from graphql_schema.cost.argument_values import ArgumentValues
from services.errors import QueryTooComplex

# graphql-core takes about 4 µs for a field of introspection.
INTROSPECTION_FIELD_COST = 20
# Counting takes about 1 µs for each field; the standard introspection query needs about 4,000.
MAX_COUNTED_FIELDS = 20_000


class IntrospectionCost:
    """Counter of the introspection fields of one operation."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], arguments: ArgumentValues) -> None:
        self._schema = schema
        self._fragments = fragments
        self._arguments = arguments
        self._counted = 0
        self._counts: dict[tuple[int, int], int] = {}

    def cost(self, node: FieldNode, definition: GraphQLField) -> int:
        """Return the cost of a root field, `__schema` or `__type`. Raises QueryTooComplex if it selects too many fields."""
        source: object = self._schema
        if "name" in definition.args:
            source = self._schema.type_map.get(str(self._arguments.arguments(node).get("name")))
        return INTROSPECTION_FIELD_COST * self._count_field(node, definition, [] if source is None else [source])

    def _count_field(self, node: FieldNode, definition: GraphQLField, values: list[Any]) -> int:
        self._counted += 1
        if self._counted > MAX_COUNTED_FIELDS:
            raise QueryTooComplex("The introspection selects too many fields; select fewer, or nest fewer lists.")
        if node.selection_set is None:
            return 1
        parent = get_named_type(definition.type)
        return 1 + sum(self._count_selections(node.selection_set, parent, value) for value in values)

    def _count_selections(self, selections: SelectionSetNode, parent: GraphQLNamedType, source: Any) -> int:
        assert isinstance(parent, GraphQLObjectType)  # noqa: S101 - introspection has no interfaces
        # Fields, enum values and input fields are pairs of a name and a definition.
        key = id(selections), id(source[1] if isinstance(source, tuple) else source)
        if key not in self._counts:
            definitions = ((node, parent.fields.get(node.name.value)) for node in self._fields(selections, set()))
            self._counts[key] = sum(
                self._count_field(node, definition, self._values(node, definition, source)) if definition else 1
                for node, definition in definitions
            )
        return self._counts[key]

    def _fields(self, selections: SelectionSetNode, visited: set[str]) -> Iterator[FieldNode]:
        """Yield the selected fields, with those of fragments."""
        for node in selections.selections:
            if not self._arguments.is_included(node):
                continue
            match node:
                case FieldNode():
                    yield node
                case InlineFragmentNode():
                    yield from self._fields(node.selection_set, visited)
                case FragmentSpreadNode(name=name) if name.value not in visited:
                    visited.add(name.value)
                    yield from self._fields(self._fragments[name.value].selection_set, visited)

    def _values(self, node: FieldNode, definition: GraphQLField, source: Any) -> list[Any]:
        """Return the objects that a field with a selection resolves to. The only argument is `includeDeprecated`."""
        if node.selection_set is None or definition.resolve is None:
            return []
        value = definition.resolve(source, SimpleNamespace(schema=self._schema), **dict.fromkeys(definition.args, True))
        if value is None:
            return []
        return list(value) if is_list_type(get_nullable_type(definition.type)) else [value]
