"""The plans that were made, by the shape of what they read: each is made once."""

from threading import Lock

from cachetools import LRUCache

from services.reading.entity_types import Relation
from services.reading.plan import Plan
from services.reading.planner import Planner
from services.reading.selection import QueryNode
from services.reading.values import strip_values

MAX_PLANS = 512

_plans: LRUCache[tuple[QueryNode[object], Relation | None], Plan] = LRUCache(MAX_PLANS)
_plans_lock = Lock()


def get_plan(node: QueryNode[object], relation: Relation | None = None) -> Plan:
    """Return the plan of all query nodes of this shape. Their values do not matter, and are not cached with the plan."""
    with _plans_lock:
        plan = _plans.get((node, relation))
    if plan is None:
        plan = Planner(node, relation, get_plan).plan()
        with _plans_lock:
            _plans[strip_values(node), relation] = plan
    return plan
