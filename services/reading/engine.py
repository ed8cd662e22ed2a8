"""Runs plans and assembles their rows to JSON-ready trees."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection as DatabaseConnection

from models.statements import Rows, fetch
from services.reading.budget import RowBudget
from services.reading.conditions import operands
from services.reading.entities import Borne, ToOne
from services.reading.layouts import Group, Tree, lay_out
from services.reading.pages import Cursors
from services.reading.plan import ChildPlan, Plan, ShapePlan, plan_for
from services.reading.search import tsquery
from services.reading.selection import Child, Level, Shape
from services.reading.statements import Statement


def read(connection: DatabaseConnection, user_id: str, level: Level) -> Any:
    """Return what the level describes, laid out as it says. One statement per relation level, whatever the data."""
    return _Reader(connection, user_id).root(level)


class _Reader:
    def __init__(self, connection: DatabaseConnection, user_id: str) -> None:
        self._connection = connection
        self._user_id = user_id
        self._budget = RowBudget()

    def root(self, level: Level) -> Any:
        plan = plan_for(level)
        parameters = self._parameters(plan, level)
        rows = self._fetch(plan.statement, parameters)
        total = self._fetch(plan.counting, parameters)[0][0] if plan.counting else None
        return self._pages(plan, level, {None: rows}, {None: total})[None]

    def _children(self, child: ChildPlan, level: Level, keys: Iterable[str]) -> Mapping[Any, Any]:
        """Return what each parent key has under this child; a key that has nothing may be missing."""
        plan = child.plan
        parameters = self._parameters(plan, level)
        parameters |= {"keys": "{" + ",".join(keys) + "}", "budget": self._budget.left + 1}
        rows = self._fetch(plan.statement, parameters)
        self._budget.spend(len(rows), child.key)
        match child.relation:
            case ToOne():
                return dict(zip((row[-1] for row in rows), self._shaped(plan, level, rows)[0], strict=True))
            case Borne():
                return _by_bearer(rows, self._shaped(plan, level, rows)[0])
            case _:
                totals: dict[Any, int] = dict(self._fetch(plan.counting, parameters)) if plan.counting else {}
                return self._pages(plan, level, _by_parent(rows), totals)

    def _pages(self, plan: Plan, level: Level, groups: Mapping[Any, Rows], totals: Mapping[Any, int | None]) -> Mapping[Any, Any]:
        """Lay out each parent's page. One whose page is empty may have rows on others: then only the totals know it."""
        cursors = Cursors(self._user_id, plan.entity, level.order, level.search) if plan.cursor_columns else None
        pages = {
            key: Group(groups.get(key, []), level.window, plan.cursor_columns, cursors, totals.get(key, 0))
            for key in (*groups, *(key for key in totals if key not in groups))
        }
        shaped = self._shaped(plan, level, [row for page in pages.values() for row in page.rows])
        answers, start = {}, 0
        for key, page in pages.items():
            end = start + len(page.rows)
            answers[key] = lay_out(level.layout, page, [trees[start:end] for trees in shaped])
            start = end
        return answers

    def _shaped(self, plan: Plan, level: Level, rows: Rows) -> list[list[Tree]]:
        """Return, for each shape of the level, the trees of the rows."""
        return [self._trees(shape_plan, shape, rows) for shape_plan, shape in zip(plan.shapes, level.shapes, strict=True)]

    def _trees(self, plan: ShapePlan, shape: Shape, rows: Rows) -> list[Tree]:
        keys, start = plan.keys, plan.start
        # zip ends with the keys: what follows in the row is not for the client.
        trees = [dict(zip(keys, row[start:] if start else row, strict=False)) for row in rows]
        levels = [member.level for member in shape.members if isinstance(member, Child)]
        for child, level in zip(plan.children, levels, strict=True):
            self._graft(child, level, rows, trees)
        return trees

    def _graft(self, child: ChildPlan, level: Level, rows: Rows, trees: Sequence[Tree]) -> None:
        """Hang each parent's children under their response key; rows and trees run side by side."""
        keys = [row[child.key_column] for row in rows]
        distinct = dict.fromkeys(key for key in keys if key is not None)
        found = self._children(child, level, distinct) if distinct else {}
        nothing = _nothing(child, level)
        for key, tree in zip(keys, trees, strict=True):
            tree[child.key] = found.get(key, nothing)

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
        return fetch(self._connection, statement.text, {**statement.constants, **parameters})


def _by_parent(rows: Rows) -> dict[str, Rows]:
    groups: dict[str, Rows] = {}
    for row in rows:
        groups.setdefault(row[-1], []).append(row)
    return groups


def _by_bearer(rows: Rows, trees: Sequence[Tree]) -> dict[str, list[Tree]]:
    """Return what each parent bears, in the order of the rows. Parents share the trees: nothing changes one that is finished."""
    borne: dict[str, list[Tree]] = {}
    for row, tree in zip(rows, trees, strict=True):
        for bearer in row[-1]:
            borne.setdefault(bearer, []).append(tree)
    return borne


def _nothing(child: ChildPlan, level: Level) -> Any:
    match child.relation:
        case ToOne():
            return None
        case Borne():
            return []
        case _:
            return lay_out(level.layout, Group([], level.window, None, None, 0), [[] for _ in level.shapes])
