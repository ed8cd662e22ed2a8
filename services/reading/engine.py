"""Runs plans and assembles their rows to JSON-ready trees."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from sqlalchemy.pool import PoolProxiedConnection

from models.statements import Rows, fetch
from services.reading.budget import Budget, Weights, weights_of_keys
from services.reading.builders import Tree
from services.reading.conditions import operands
from services.reading.entity_types import ManyToMany, ToOne
from services.reading.layouts import Group, lay_out
from services.reading.pages import Cursors
from services.reading.plan import ChildPlan, Plan, ShapePlan
from services.reading.plans import plan_for
from services.reading.search import tsquery
from services.reading.selection import Child, Level, Shape
from services.reading.statements import Statement


def read(wire: PoolProxiedConnection, user_id: str, level: Level, budget: Budget) -> Any:
    """Return what the level describes, laid out as it says. One statement per relation level, whatever the data.

    Raises QueryTooComplex where the budget does not suffice.
    """
    return _Reader(wire, user_id, budget).root(level)


class _Reader:
    def __init__(self, wire: PoolProxiedConnection, user_id: str, budget: Budget) -> None:
        self._wire = wire
        self._user_id = user_id
        self._budget = budget

    def root(self, level: Level) -> Any:
        plan = plan_for(level)
        parameters = self._parameters(plan, level)
        rows = self._fetch(plan.statement, parameters)
        total = self._fetch(plan.counting, parameters)[0][0] if plan.counting else None
        return self._pages(plan, level, [rows], [total], None)[0]

    def _children(self, child: ChildPlan, level: Level, keys: Sequence[str], weights: Weights) -> Sequence[Any]:
        """Return what each parent key has under this child, in the order of the keys."""
        plan = child.plan
        parameters = self._parameters(plan, level)
        parameters |= {"keys": "{" + ",".join(keys) + "}", "budget": self._budget.left + 1}
        rows = self._fetch(plan.statement, parameters)
        heavy = self._budget.spend(child.key, rows, weights)
        match child.relation:
            case ToOne():
                return _by_place(rows, self._shaped(plan, level, rows, heavy)[0], len(keys))
            case ManyToMany():
                return _by_bearer(rows, self._shaped(plan, level, rows, heavy)[0], len(keys))
            case _:
                counts: dict[int, int] = dict(self._fetch(plan.counting, parameters)) if plan.counting else {}
                totals = [counts.get(place, 0) for place in range(1, len(keys) + 1)]
                return self._pages(plan, level, _by_parent(rows, len(keys)), totals, weights)

    def _pages(
        self, plan: Plan, level: Level, groups: Sequence[Rows], totals: Sequence[int | None], weights: Weights
    ) -> Sequence[Any]:
        """Lay out each parent's page."""
        cursors = Cursors(self._user_id, plan.entity, level.order, level.search) if plan.cursor_columns else None
        pages = [
            Group(rows, level.window, plan.cursor_columns, cursors, total) for rows, total in zip(groups, totals, strict=True)
        ]
        rows = [row for page in pages for row in page.rows]
        heavy = None if weights is None else [weight for page, weight in zip(pages, weights, strict=True) for _ in page.rows]
        shaped = self._shaped(plan, level, rows, heavy)
        ends = list(accumulate(len(page.rows) for page in pages))
        return [
            lay_out(level.layout, page, [trees[start:end] for trees in shaped])
            for page, start, end in zip(pages, [0, *ends], ends, strict=False)
        ]

    def _shaped(self, plan: Plan, level: Level, rows: Rows, weights: Weights) -> list[list[Tree]]:
        """Return, for each shape of the level, the trees of the rows."""
        return [
            self._trees(shape_plan, shape, rows, weights) for shape_plan, shape in zip(plan.shapes, level.shapes, strict=True)
        ]

    def _trees(self, plan: ShapePlan, shape: Shape, rows: Rows, weights: Weights) -> list[Tree]:
        self._budget.spend_text(plan.texts, rows, weights)
        trees = plan.build(rows)
        levels = [member.level for member in shape.members if isinstance(member, Child)]
        for child, level in zip(plan.children, levels, strict=True):
            self._graft(child, level, rows, weights, trees)
        return trees

    def _graft(self, child: ChildPlan, level: Level, rows: Rows, weights: Weights, trees: Sequence[Tree]) -> None:
        """Hang each parent's children under their response key; rows and trees run side by side."""
        keys = [row[child.key_column] for row in rows]
        found: dict[Any, Any] = dict.fromkeys(keys)
        found.pop(None, None)
        if found:
            distinct = list(found)
            children = self._children(child, level, distinct, weights_of_keys(keys, weights, distinct))
            found = dict(zip(distinct, children, strict=True))
        for key, tree in zip(keys, trees, strict=True):
            tree[child.key] = found.get(key)

    def _parameters(self, plan: Plan, level: Level) -> dict[str, Any]:
        parameters: dict[str, Any] = {"user_id": self._user_id, "ids": list(level.ids)}
        parameters |= {f"v{number}": value for number, value in enumerate(operands(level.condition))}
        if level.search is not None:
            parameters |= {"words": tsquery(level.search.text), "search": level.search.text}
        if level.window is not None:
            parameters["limit"] = level.window.size + 1
            if level.window.cursor is not None:
                cursors = Cursors(self._user_id, plan.entity, level.order, level.search)
                place = cursors.read(level.window.cursor, f"/{level.window.argument}")
                parameters |= {f"k{number}": value for number, value in enumerate(place)}
        return parameters

    def _fetch(self, statement: Statement, parameters: dict[str, Any]) -> Rows:
        self._budget.check_time()
        return fetch(self._wire, statement.text, {**statement.constants, **parameters})


# A place is the number of a key among the parents' keys, counted from 1.


def _by_place(rows: Rows, trees: Sequence[Tree], size: int) -> list[Tree | None]:
    answers: list[Tree | None] = [None] * size
    for row, tree in zip(rows, trees, strict=True):
        answers[row[-1] - 1] = tree
    return answers


def _by_parent(rows: Rows, size: int) -> list[Rows]:
    groups: list[Rows] = [[] for _ in range(size)]
    for row in rows:
        groups[row[-1] - 1].append(row)
    return groups


def _by_bearer(rows: Rows, trees: Sequence[Tree], size: int) -> list[list[Tree]]:
    """Return what each parent bears, in the order of the rows. Parents share the trees: nothing changes one that is finished."""
    borne: list[list[Tree]] = [[] for _ in range(size)]
    for row, tree in zip(rows, trees, strict=True):
        for place in row[-1]:
            borne[place - 1].append(tree)
    return borne
