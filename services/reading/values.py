"""Query nodes without values: plans are cached by the shape of a query, never with what a client sent."""

from dataclasses import replace

from services.reading.layouts import Constant, Result_co
from services.reading.selection import All, Child, Compare, Condition, Leaf, Not, QueryNode, Related, Search, Shape, Some


def without_values(level: QueryNode[Result_co]) -> QueryNode[Result_co]:
    """Return an equal node that holds nothing of what a client sent: neither operands nor cursors, ids or texts."""
    return replace(
        level,
        shapes=tuple(Shape(tuple(_bare_member(member) for member in shape.members)) for shape in level.shapes),
        ids=(),
        condition=None if level.condition is None else _bare_condition(level.condition),
        search=None if level.search is None else Search(""),
        window=None if level.window is None else replace(level.window, size=0, cursor=None),
    )


def _bare_member(member: Leaf | Constant | Child) -> Leaf | Constant | Child:
    return replace(member, level=without_values(member.level)) if isinstance(member, Child) else member


def _bare_condition(condition: Condition) -> Condition:
    match condition:
        case Compare():
            return replace(condition, value=None)
        case All(parts) | Some(parts):
            return replace(condition, parts=tuple(_bare_condition(part) for part in parts))
        case Not(part) | Related(part=part):
            return replace(condition, part=_bare_condition(part))
