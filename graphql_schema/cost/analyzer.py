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

from graphql_schema.cost.argument_values import ArgumentValues
from graphql_schema.cost.complexity import Complexity, FieldCost
from models.query_params import MAX_PAGE_SIZE

UNPAGINATED_LIST_SIZE = 5
ROW_WRITE_COST = 1_000
INPUT_FIELD_COST = 20

_META_FIELDS = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef, "__typename": TypeNameMetaFieldDef}
# What stands between a relation and its rows; a field in one of these begins no relation.
_WRAPPERS = ("Connection", "Edge", "Payload")


class CostAnalyzer:
    """Measures one operation, with its variables."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], given: ArgumentValues) -> None:
        self._schema = schema
        self._fragments = fragments
        self._given = given
        self._cached: dict[str, Complexity] = {}

    def analyze(self, operation: OperationDefinitionNode) -> Complexity:
        """Return what the operation amounts to."""
        root = self._schema.get_root_type(operation.operation)
        return Complexity() if root is None else self._selections(operation.selection_set, root)

    def _selections(self, selections: SelectionSetNode, parent: GraphQLCompositeType) -> Complexity:
        parts = [self._selection(node, parent) for node in _unique_selections(selections) if self._given.is_included(node)]
        heaviest = max(parts, key=lambda part: (part.per_row, part.cost), default=Complexity())
        return Complexity(
            sum(part.cost for part in parts),
            sum(part.per_row for part in parts),
            max((part.depth for part in parts), default=0),
            sum(part.aliases for part in parts),
            sum(part.relations for part in parts),
            sum(part.filter_members for part in parts),
            heaviest.costliest_field,
        )

    def _selection(self, node: SelectionNode, parent: GraphQLCompositeType) -> Complexity:
        match node:
            case FieldNode():
                return self._field(node, parent)
            case FragmentSpreadNode():
                return self._fragment(node.name.value)
            case InlineFragmentNode(type_condition=condition):
                return self._selections(node.selection_set, self._type(condition.name.value) if condition else parent)
            case _:
                raise AssertionError(node)

    def _fragment(self, name: str) -> Complexity:
        if name not in self._cached:
            fragment = self._fragments[name]
            self._cached[name] = self._selections(fragment.selection_set, self._type(fragment.type_condition.name.value))
        return self._cached[name]

    def _field(self, node: FieldNode, parent: GraphQLCompositeType) -> Complexity:
        name = node.name.value
        field = _META_FIELDS.get(name) or getattr(parent, "fields", {})[name]
        target = get_named_type(field.type)
        inner = self._selections(node.selection_set, target) if node.selection_set and is_composite_type(target) else Complexity()
        page = self._page(node, field)
        of_page = _is_list(field) and parent.name.endswith(_WRAPPERS)
        times = UNPAGINATED_LIST_SIZE if _is_list(field) and not of_page else 1
        writing = self._write_cost(node, field, page)
        cost = 1 + times * (inner.cost + (inner.per_row * page if page is not None else 0)) + writing
        begins_relation = node.selection_set is not None and not parent.name.endswith(_WRAPPERS)
        return Complexity(
            cost=0 if of_page else cost,
            per_row=cost if of_page else 0,
            depth=inner.depth + 1,
            aliases=inner.aliases + (node.alias is not None),
            relations=inner.relations + begins_relation,
            filter_members=inner.filter_members + (sum(self._given.member_counts(node).values()) if _is_paged(field) else 0),
            costliest_field=FieldCost(node.alias.value if node.alias else name, page, of_page, times, writing, inner),
        )

    def _page(self, node: FieldNode, field: GraphQLField) -> int | None:
        """Return how many rows stand below, where the field decides that."""
        given = self._given.arguments(node)
        if _is_paged(field):
            size = given.get("last")
            size = given.get("first") if size is None else size
            size = field.args["first"].default_value if size is None else size
            return min(max(size, 0), MAX_PAGE_SIZE) if isinstance(size, int) else MAX_PAGE_SIZE
        several = [_length(given.get(name)) for name, argument in field.args.items() if _is_list(argument)]
        return max(several) if several else None

    def _write_cost(self, node: FieldNode, field: GraphQLField, rows: int | None) -> int:
        """Return what it costs to write the rows of a bulk mutation. What is not given row by row is written into each."""
        if rows is None or _is_paged(field):
            return 0
        sizes = self._given.member_counts(node).items()
        members = sum(size if _is_list(field.args[name]) else rows * size for name, size in sizes)
        return rows * ROW_WRITE_COST + members * INPUT_FIELD_COST

    def _type(self, name: str) -> GraphQLCompositeType:
        found = self._schema.type_map[name]
        assert is_composite_type(found)  # noqa: S101 - validation saw to it
        return found


def _unique_selections(selections: SelectionSetNode) -> Iterator[SelectionNode]:
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
