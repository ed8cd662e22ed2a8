"""The plans that were made, by the shape of what they read: each is made once."""

from threading import Lock

from cachetools import LRUCache

from services.reading.entity_types import Relation
from services.reading.plan import Plan
from services.reading.planner import Planner
from services.reading.selection import Level
from services.reading.values import without_values

MAX_PLANS = 512

_plans: LRUCache[tuple[Level, Relation | None], Plan] = LRUCache(MAX_PLANS)
_plans_lock = Lock()


def plan_for(level: Level, relation: Relation | None = None) -> Plan:
    """Return the plan of all levels of this shape. Values in the level do not matter, and are not remembered with the plan."""
    with _plans_lock:
        plan = _plans.get((level, relation))
    if plan is None:
        plan = Planner(level, relation, plan_for).plan()
        with _plans_lock:
            _plans[without_values(level), relation] = plan
    return plan
