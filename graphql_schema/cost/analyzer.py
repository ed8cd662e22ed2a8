"""Query cost analysis: cost, depth, aliases, relations and filter members of an operation, before its execution.

A field costs 1. The selection of a connection is multiplied by its page size (`first` or `last`), that of a bulk mutation by the
number of its inputs, and that of a list without pagination by UNPAGINATED_LIST_SIZE. A bulk mutation also costs ROW_WRITE_COST
for each row that it writes, and INPUT_FIELD_COST for each field of the row: the time of a write in units of field reads.
Introspection costs INTROSPECTION_FIELD_COST for each field that it resolves, with the real sizes of its lists.

Each fragment is analyzed once, regardless of the number of its spreads, so the analysis takes time linear in the size of the
document, even if each fragment of a chain spreads the next one twice.
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
from graphql_schema.cost.introspection import IntrospectionCost
from models.schemas.query_params import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

UNPAGINATED_LIST_SIZE = 5
ROW_WRITE_COST = 1_000
INPUT_FIELD_COST = 20

_META_FIELDS = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef, "__typename": TypeNameMetaFieldDef}
_INTROSPECTION = {"__schema", "__type"}
# Types between a relation and its rows; their fields are not relations.
_WRAPPERS = ("Connection", "Edge", "Payload")


class CostAnalyzer:
    """Cost analyzer for one operation with its variables."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], arguments: ArgumentValues) -> None:
        self._schema = schema
        self._fragments = fragments
        self._arguments = arguments
        self._introspection = IntrospectionCost(schema, fragments, arguments)
        self._fragment_complexities: dict[str, Complexity] = {}

    def analyze(self, operation: OperationDefinitionNode) -> Complexity:
        """Return the complexity of the operation."""
        root = self._schema.get_root_type(operation.operation)
        return Complexity() if root is None else self._selections(operation.selection_set, root)

    def _selections(self, selections: SelectionSetNode, parent: GraphQLCompositeType) -> Complexity:
        parts = [self._selection(node, parent) for node in _unique_selections(selections) if self._arguments.is_included(node)]
        costliest = max(parts, key=lambda part: (part.per_row, part.cost), default=Complexity())
        return Complexity(
            cost=sum(part.cost for part in parts),
            per_row=sum(part.per_row for part in parts),
            depth=max((part.depth for part in parts), default=0),
            aliases=sum(part.aliases for part in parts),
            relations=sum(part.relations for part in parts),
            filter_members=sum(part.filter_members for part in parts),
            costliest_field=costliest.costliest_field,
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
        if name not in self._fragment_complexities:
            fragment = self._fragments[name]
            self._fragment_complexities[name] = self._selections(
                fragment.selection_set, self._type(fragment.type_condition.name.value)
            )
        return self._fragment_complexities[name]

    def _field(self, node: FieldNode, parent: GraphQLCompositeType) -> Complexity:
        name = node.name.value
        field = _META_FIELDS.get(name) or getattr(parent, "fields", {})[name]
        target = get_named_type(field.type)
        inner = self._selections(node.selection_set, target) if node.selection_set and is_composite_type(target) else Complexity()
        page_size = self._page_size(node, field)
        is_connection_row = _is_list(field) and parent.name.endswith(_WRAPPERS)
        multiplier = UNPAGINATED_LIST_SIZE if _is_list(field) and not is_connection_row else 1
        write_cost = self._write_cost(node, field, page_size)
        page_cost = inner.per_row * page_size if page_size is not None else 0
        if name in _INTROSPECTION:
            cost = self._introspection.cost(node, field)
        else:
            cost = 1 + multiplier * (inner.cost + page_cost) + write_cost
        is_relation = node.selection_set is not None and not parent.name.endswith(_WRAPPERS)
        return Complexity(
            cost=0 if is_connection_row else cost,
            per_row=cost if is_connection_row else 0,
            depth=inner.depth + 1,
            aliases=inner.aliases + (node.alias is not None),
            relations=inner.relations + is_relation,
            filter_members=inner.filter_members + self._filter_members(node, field),
            costliest_field=FieldCost(
                key=node.alias.value if node.alias else name,
                page_size=page_size,
                is_connection_row=is_connection_row,
                multiplier=multiplier,
                write_cost=write_cost,
                selection=inner,
            ),
        )

    def _filter_members(self, node: FieldNode, field: GraphQLField) -> int:
        return sum(self._arguments.member_counts(node).values()) if _is_paginated(field) else 0

    def _page_size(self, node: FieldNode, field: GraphQLField) -> int | None:
        """Return the number of rows that the arguments of the field request or contain; None if they do not determine it."""
        arguments = self._arguments.arguments(node)
        if _is_paginated(field):
            size = arguments.get("first")
            size = arguments.get("last") if size is None else size
            size = DEFAULT_PAGE_SIZE if size is None else size
            return min(max(size, 0), MAX_PAGE_SIZE) if isinstance(size, int) else MAX_PAGE_SIZE
        lengths = [_length(arguments.get(name)) for name, argument in field.args.items() if _is_list(argument)]
        return max(lengths) if lengths else None

    def _write_cost(self, node: FieldNode, field: GraphQLField, rows: int | None) -> int:
        """Return the cost of writing the rows of a bulk mutation. An input that is not a list is written to each row."""
        if rows is None or _is_paginated(field):
            return 0
        counts = self._arguments.member_counts(node).items()
        input_fields = sum(count if _is_list(field.args[name]) else rows * count for name, count in counts)
        return rows * ROW_WRITE_COST + input_fields * INPUT_FIELD_COST

    def _type(self, name: str) -> GraphQLCompositeType:
        composite_type = self._schema.type_map[name]
        assert is_composite_type(composite_type)  # noqa: S101 - documents are validated before
        return composite_type


def _unique_selections(selections: SelectionSetNode) -> Iterator[SelectionNode]:
    """Yield the selections, without repeated spreads of the same fragment in the same selection set."""
    seen: set[str] = set()
    for node in selections.selections:
        if not isinstance(node, FragmentSpreadNode) or node.directives:
            yield node
        elif node.name.value not in seen:
            seen.add(node.name.value)
            yield node


def _is_paginated(field: GraphQLField) -> bool:
    return "first" in field.args


def _is_list(element: GraphQLField | GraphQLArgument) -> bool:
    nullable_type = element.type.of_type if is_non_null_type(element.type) else element.type
    return is_list_type(nullable_type)


def _length(value: object) -> int:
    """Return the length of a list argument; GraphQL coerces a single value to a list of one."""
    return len(value) if isinstance(value, list) else int(value is not None)
