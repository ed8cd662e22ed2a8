"""Measures an operation before it runs: what it costs, how deep it is, its aliases, relations, and the members of its filters.

A field costs 1. What stands in a connection costs as often as the connection has rows (`first` or `last`), in a bulk mutation as
often as it has inputs, and in a list without pages UNPAGED times. Each row that a bulk mutation writes costs WRITTEN besides, and
FILLED_IN for each member of what is written: that takes as much time as reading so many fields.

Each fragment is measured once, however often it is spread, so measuring takes time linear in the document: a chain of fragments
that each spread the next one twice stays cheap to refuse.
"""

from collections.abc import Iterator, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
)
from graphql.type import SchemaMetaFieldDef, TypeMetaFieldDef, TypeNameMetaFieldDef

from graphql_schema.given import Given
from graphql_schema.measures import Measure, Weight
from services.reading.pages import MAX_PAGE

UNPAGED = 5
WRITTEN = 1_000
FILLED_IN = 20

_META_FIELDS = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef, "__typename": TypeNameMetaFieldDef}
# What stands between a relation and its rows; a field in one of these begins no relation.
_WRAPPERS = ("Connection", "Edge", "Payload")


class Meter:
    """Measures one operation, with its variables."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], given: Given) -> None:
        self._schema = schema
        self._fragments = fragments
        self._given = given
        self._measured: dict[str, Measure] = {}

    def measure(self, operation: OperationDefinitionNode) -> Measure:
        """Return what the operation amounts to."""
        root = self._schema.get_root_type(operation.operation)
        return Measure() if root is None else self._selections(operation.selection_set, root)

    def _selections(self, selections: SelectionSetNode, parent: GraphQLCompositeType) -> Measure:
        parts = [self._part(node, parent) for node in _each_once(selections) if self._given.is_included(node)]
        heaviest = max(parts, key=lambda part: (part.per_row, part.cost), default=Measure())
        return Measure(
            sum(part.cost for part in parts),
            sum(part.per_row for part in parts),
            max((part.depth for part in parts), default=0),
            sum(part.aliases for part in parts),
            sum(part.levels for part in parts),
            sum(part.members for part in parts),
            heaviest.heaviest,
        )

    def _part(self, node: SelectionNode, parent: GraphQLCompositeType) -> Measure:
        match node:
            case FieldNode():
                return self._field(node, parent)
            case FragmentSpreadNode():
                return self._fragment(node.name.value)
            case InlineFragmentNode(type_condition=condition):
                return self._selections(node.selection_set, self._type(condition.name.value) if condition else parent)
            case _:
                raise AssertionError(node)

    def _fragment(self, name: str) -> Measure:
        if name not in self._measured:
            fragment = self._fragments[name]
            self._measured[name] = self._selections(fragment.selection_set, self._type(fragment.type_condition.name.value))
        return self._measured[name]

    def _field(self, node: FieldNode, parent: GraphQLCompositeType) -> Measure:
        name = node.name.value
        field = _META_FIELDS.get(name) or getattr(parent, "fields", {})[name]
        target = get_named_type(field.type)
        inner = self._selections(node.selection_set, target) if node.selection_set and is_composite_type(target) else Measure()
        page = self._page(node, field)
        of_page = _is_list(field) and parent.name.endswith(_WRAPPERS)
        times = UNPAGED if _is_list(field) and not of_page else 1
        writing = self._writing(node, field, page)
        cost = 1 + times * (inner.cost + (inner.per_row * page if page is not None else 0)) + writing
        begins_relation = node.selection_set is not None and not parent.name.endswith(_WRAPPERS)
        return Measure(
            cost=0 if of_page else cost,
            per_row=cost if of_page else 0,
            depth=inner.depth + 1,
            aliases=inner.aliases + (node.alias is not None),
            levels=inner.levels + begins_relation,
            members=inner.members + (sum(self._given.sizes(node).values()) if _is_paged(field) else 0),
            heaviest=Weight(node.alias.value if node.alias else name, page, of_page, times, writing, inner),
        )

    def _page(self, node: FieldNode, field: GraphQLField) -> int | None:
        """Return how many rows stand below, where the field decides that."""
        given = self._given.arguments(node)
        if _is_paged(field):
            size = given.get("last")
            size = given.get("first") if size is None else size
            size = field.args["first"].default_value if size is None else size
            return min(max(size, 0), MAX_PAGE) if isinstance(size, int) else MAX_PAGE
        several = [_length(given.get(name)) for name, argument in field.args.items() if _is_list(argument)]
        return max(several) if several else None

    def _writing(self, node: FieldNode, field: GraphQLField, rows: int | None) -> int:
        """Return what it costs to write the rows of a bulk mutation. What is not given row by row is written into each."""
        if rows is None or _is_paged(field):
            return 0
        sizes = self._given.sizes(node).items()
        members = sum(size if _is_list(field.args[name]) else rows * size for name, size in sizes)
        return rows * WRITTEN + members * FILLED_IN

    def _type(self, name: str) -> GraphQLCompositeType:
        found = self._schema.type_map[name]
        assert is_composite_type(found)  # noqa: S101 - validation saw to it
        return found


def _each_once(selections: SelectionSetNode) -> Iterator[SelectionNode]:
    """Yield the selections; a fragment that is spread twice side by side selects nothing more."""
    seen: set[str] = set()
    for node in selections.selections:
        if not isinstance(node, FragmentSpreadNode) or node.directives:
            yield node
        elif node.name.value not in seen:
            seen.add(node.name.value)
            yield node


def _is_paged(field: GraphQLField) -> bool:
    return "first" in field.args


def _is_list(member: GraphQLField | GraphQLArgument) -> bool:
    kind = member.type.of_type if is_non_null_type(member.type) else member.type
    return is_list_type(kind)


def _length(value: object) -> int:
    """Return how many values a list has; GraphQL takes a single value for a list of one."""
    return len(value) if isinstance(value, list) else int(value is not None)
