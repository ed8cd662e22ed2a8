"""Plan cache, keyed by query nodes, whose comparison ignores values.

Keys are stripped of the values that clients send, so that these are not cached.
"""

from dataclasses import replace
from threading import Lock

from cachetools import LRUCache

from services.query_engine.entity_types import Relation
from services.query_engine.planning.plan import Plan
from services.query_engine.planning.planner import Planner
from services.query_engine.query_model import (
    And,
    ColumnField,
    Comparison,
    Condition,
    Not,
    Or,
    PageCursor,
    PageRequest,
    Projection,
    QueryNode,
    RelationField,
    RelationFilter,
    Search,
)
from services.query_engine.result_format import LiteralField, Result_co

MAX_PLANS = 512

_plans: LRUCache[tuple[QueryNode[object], Relation | None], Plan] = LRUCache(MAX_PLANS)
_plans_lock = Lock()


def get_plan(node: QueryNode[object], relation: Relation | None = None) -> Plan:
    """Return the plan of the node from the cache, or create it."""
    with _plans_lock:
        plan = _plans.get((node, relation))
    if plan is None:
        plan = Planner(node, relation, get_plan).plan()
        with _plans_lock:
            _plans[strip_values(node), relation] = plan
    return plan


def strip_values(node: QueryNode[Result_co]) -> QueryNode[Result_co]:
    """Return an equal node without the client's values: operands, cursors, ids and search texts."""
    return replace(
        node,
        projections=tuple(
            Projection(tuple(_strip_field(field) for field in projection.fields)) for projection in node.projections
        ),
        ids=(),
        condition=None if node.condition is None else _strip_condition(node.condition),
        search=None if node.search is None else Search(""),
        page=None if node.page is None else _strip_page(node.page),
    )


def _strip_field(field: ColumnField | LiteralField | RelationField) -> ColumnField | LiteralField | RelationField:
    return replace(field, node=strip_values(field.node)) if isinstance(field, RelationField) else field


def _strip_page(page: PageRequest) -> PageRequest:
    after, before = (cursor and PageCursor("", cursor.argument) for cursor in (page.after, page.before))
    return replace(page, size=0, after=after, before=before, last=None)


def _strip_condition(condition: Condition) -> Condition:
    match condition:
        case Comparison():
            return replace(condition, value=None)
        case And(parts) | Or(parts):
            return replace(condition, parts=tuple(_strip_condition(part) for part in parts))
        case Not(part) | RelationFilter(part=part):
            return replace(condition, part=_strip_condition(part))
