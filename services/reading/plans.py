"""The plans that were made, by the shape of what they read: each is made once."""

from threading import Lock

from cachetools import LRUCache

from services.reading.entity_types import Relation
from services.reading.plan import Plan
from services.reading.planner import Planner
from services.reading.selection import QueryNode
from services.reading.values import without_values

MAX_PLANS = 512

_plans: LRUCache[tuple[QueryNode[object], Relation | None], Plan] = LRUCache(MAX_PLANS)
_plans_lock = Lock()


def plan_for(level: QueryNode[object], relation: Relation | None = None) -> Plan:
    """Return the plan of all query nodes of this shape. Their values do not matter, and are not cached with the plan."""
    with _plans_lock:
        plan = _plans.get((level, relation))
    if plan is None:
        plan = Planner(level, relation, plan_for).plan()
        with _plans_lock:
            _plans[without_values(level), relation] = plan
    return plan
