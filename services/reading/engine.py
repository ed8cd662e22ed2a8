"""Runs plans and assembles their rows to JSON-ready trees."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection as DatabaseConnection

from services.reading.conditions import operands
from services.reading.entities import Borne
from services.reading.layouts import Group, lay_out
from services.reading.pages import Cursors
from services.reading.plan import ChildPlan, Plan, ShapePlan, plan_for
from services.reading.selection import Child, Level, Shape
from services.reading.statements import Statement

Row = tuple[Any, ...]


def read(connection: DatabaseConnection, user_id: str, level: Level) -> Any:
    """Return what the level describes, laid out as it says. One statement per relation level, whatever the data."""
    return _Reader(connection, user_id).root(level)


class _Reader:
    def __init__(self, connection: DatabaseConnection, user_id: str) -> None:
        self._connection = connection
        self._user_id = user_id

    def root(self, level: Level) -> Any:
        plan = plan_for(level)
        parameters = self._parameters(plan, level)
        rows = self._fetch(plan.statement, parameters)
        total = self._fetch(plan.counting, parameters)[0][0] if plan.counting else None
        return self._laid_out(plan, level, {None: rows}, {None: total})[None]

    def _children(self, child: ChildPlan, level: Level, keys: Iterable[str]) -> dict[str | None, Any]:
        """Return what each parent key has under this child."""
        plan = child.plan
        parameters = self._parameters(plan, level)
        parameters["keys"] = "{" + ",".join(keys) + "}"
        groups: dict[str | None, list[Row]] = {}
        for row in self._fetch(plan.statement, parameters):
            groups.setdefault(row[-1], []).append(row)
        totals: dict[str | None, int | None] = dict(self._fetch(plan.counting, parameters)) if plan.counting else {}
        return self._laid_out(plan, level, groups, totals)

    def _laid_out(
        self, plan: Plan, level: Level, groups: dict[str | None, list[Row]], totals: dict[str | None, int | None]
    ) -> dict[str | None, Any]:
        cursors = Cursors(self._user_id, plan.entity, level.order) if plan.cursor_columns else None
        # A parent whose page is empty may still have rows on other pages: then only the totals know it.
        kept = {
            key: Group(groups.get(key, []), level.window, plan.cursor_columns, cursors, totals.get(key, 0))
            for key in groups | totals
        }
        rows = [row for group in kept.values() for row in group.rows]
        shaped = [self._trees(shape_plan, shape, rows) for shape_plan, shape in zip(plan.shapes, level.shapes, strict=True)]
        answers, start = {}, 0
        for key, group in kept.items():
            end = start + len(group.rows)
            answers[key] = lay_out(level.layout, group, [trees[start:end] for trees in shaped])
            start = end
        return answers

    def _trees(self, plan: ShapePlan, shape: Shape, rows: Sequence[Row]) -> list[dict[str, Any]]:
        end = plan.start + len(plan.keys)
        trees = [dict(zip(plan.keys, row[plan.start : end], strict=True)) for row in rows]
        levels = [member.level for member in shape.members if isinstance(member, Child)]
        for child, level in zip(plan.children, levels, strict=True):
            self._graft(child, level, rows, trees)
        return trees

    def _graft(self, child: ChildPlan, level: Level, rows: Sequence[Row], trees: Sequence[dict[str, Any]]) -> None:
        """Hang each parent's children under their response key; rows and trees run side by side."""
        keys = [row[child.key_column] for row in rows]
        if isinstance(child.relation, Borne):
            found = self._children(child, level, {key for several in keys for key in several}) if any(keys) else {}
            rank = {key: place for place, key in enumerate(found)}
            for several, tree in zip(keys, trees, strict=True):
                tree[child.key] = [found[key] for key in sorted(filter(rank.__contains__, several), key=rank.__getitem__)]
            return
        distinct = dict.fromkeys(key for key in keys if key is not None)
        found = self._children(child, level, distinct) if distinct else {}
        nothing = lay_out(level.layout, Group([], level.window, None, None, 0), [[] for _ in level.shapes])
        for key, tree in zip(keys, trees, strict=True):
            tree[child.key] = found.get(key, nothing)

    def _parameters(self, plan: Plan, level: Level) -> dict[str, Any]:
        parameters: dict[str, Any] = {"user_id": self._user_id, "ids": list(level.ids)}
        parameters |= {f"v{number}": value for number, value in enumerate(operands(level.condition))}
        if level.window is not None:
            parameters["limit"] = level.window.size + 1
            if level.window.cursor is not None:
                place = Cursors(self._user_id, plan.entity, level.order).read(level.window.cursor, f"/{level.window.argument}")
                parameters |= {f"k{number}": value for number, value in enumerate(place)}
        return parameters

    def _fetch(self, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        """Core's Row objects cost more than the driver's tuples, and nothing here needs them."""
        result = self._connection.exec_driver_sql(statement.text, {**statement.constants, **parameters})
        cursor: Any = result.cursor
        rows: list[Row] = cursor.fetchall()
        return rows
