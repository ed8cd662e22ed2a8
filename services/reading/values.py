"""Query nodes without values: plans are cached by the shape of a query, never with what a client sent."""

from dataclasses import replace

from services.reading.layouts import LiteralField, Result_co
from services.reading.selection import (
    And,
    ColumnField,
    Comparison,
    Condition,
    Not,
    Or,
    Projection,
    QueryNode,
    RelationField,
    RelationFilter,
    Search,
)


def strip_values(node: QueryNode[Result_co]) -> QueryNode[Result_co]:
    """Return an equal node that holds nothing of what a client sent: neither operands nor cursors, ids or texts."""
    return replace(
        node,
        projections=tuple(Projection(tuple(_strip_field(member) for member in shape.fields)) for shape in node.projections),
        ids=(),
        condition=None if node.condition is None else _strip_condition(node.condition),
        search=None if node.search is None else Search(""),
        page=None if node.page is None else replace(node.page, size=0, cursor=None),
    )


def _strip_field(member: ColumnField | LiteralField | RelationField) -> ColumnField | LiteralField | RelationField:
    return replace(member, node=strip_values(member.node)) if isinstance(member, RelationField) else member


def _strip_condition(condition: Condition) -> Condition:
    match condition:
        case Comparison():
            return replace(condition, value=None)
        case And(parts) | Or(parts):
            return replace(condition, parts=tuple(_strip_condition(part) for part in parts))
        case Not(part) | RelationFilter(part=part):
            return replace(condition, part=_strip_condition(part))
