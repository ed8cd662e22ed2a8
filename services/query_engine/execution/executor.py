"""Query executor: runs plans and assembles their rows to JSON objects."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

from models.sql.execution import Rows, Values
from models.sql.statement import Statement
from services.json_types import JsonObject, JsonValue
from services.query_engine.cursors import CursorCodec
from services.query_engine.entity_types import Entity, ManyToMany, ToOne
from services.query_engine.execution.budget import Budget, Multiplicities, multiplicities_by_key
from services.query_engine.planning.filter_sql import bind_values
from services.query_engine.planning.plan import ChildPlan, Plan, ProjectionPlan
from services.query_engine.planning.plan_cache import get_plan
from services.query_engine.query_model import Projection, QueryNode, RelationField
from services.query_engine.result_format import ParentRows, Result_co, Row
from services.query_engine.tsquery import to_tsquery_syntax

FetchRows = Callable[[Statement, Values], Rows]


def execute(fetch_rows: FetchRows, user_id: str, node: QueryNode[Result_co], budget: Budget) -> Result_co:
    """Return the result of the query node, in its result format, by one statement per node, independent of the data.

    `fetch_rows` executes a statement and returns its rows. Raises QueryTooComplex if the budget is exceeded.
    """
    return _Executor(fetch_rows, user_id, budget).run(node)


def is_one_statement(node: QueryNode[object]) -> bool:
    """Return whether `execute` reads the result of the node by one statement."""
    plan = get_plan(node)
    has_children = any(projection.children for projection in plan.projections)
    return not has_children and plan.count_statement is None and plan.outside_statement is None


class _Executor:
    def __init__(self, fetch_rows: FetchRows, user_id: str, budget: Budget) -> None:
        self._execute_statement = fetch_rows
        self._user_id = user_id
        self._budget = budget

    def run(self, node: QueryNode[Result_co]) -> Result_co:
        plan = get_plan(node)
        parameters = self._parameters(plan, node)
        rows = self._fetch_rows(plan, parameters, _max_rows(node, self._budget.rows_left))
        total = self._fetch(plan.count_statement, parameters)[0][0] if plan.count_statement else None
        has_rows_outside = bool(plan.outside_statement and self._fetch(plan.outside_statement, parameters))
        return self._format_pages(plan, node, [_Group(rows, total, has_rows_outside)], None)[0]

    def _read_children(
        self, child: ChildPlan, node: QueryNode[JsonValue], keys: Sequence[str], multiplicities: Multiplicities
    ) -> Sequence[JsonValue]:
        """Return the children of each parent key, in the order of the keys."""
        plan = child.plan
        parameters = self._parameters(plan, node)
        parameters |= {"keys": "{" + ",".join(keys) + "}", "budget": self._budget.rows_left + 1}
        max_rows = len(keys) if isinstance(child.relation, ToOne) else _max_rows(node, self._budget.rows_left, len(keys))
        rows = self._fetch_rows(plan, parameters, max_rows)
        row_multiplicities = self._budget.charge_rows(child.key, rows, multiplicities)
        match child.relation:
            case ToOne():
                return _one_per_parent(rows, self._project(plan, node, rows, row_multiplicities)[0], len(keys))
            case ManyToMany():
                return _shared_by_parents(rows, self._project(plan, node, rows, row_multiplicities)[0], len(keys))
            case _:
                groups = self._complete_groups(plan, _group_by_parent(rows, len(keys)), parameters)
                return self._format_pages(plan, node, groups, multiplicities)

    def _complete_groups(self, plan: Plan, rows: Sequence[Rows], parameters: dict[str, object]) -> list["_Group"]:
        """Return each parent's rows with its total count, and whether it has rows outside, as far as the result shows them."""
        counts: dict[int, int] = dict(self._fetch(plan.count_statement, parameters)) if plan.count_statement else {}
        outside = {number for (number,) in self._fetch(plan.outside_statement, parameters)} if plan.outside_statement else ()
        return [_Group(group, counts.get(number, 0), number in outside) for number, group in enumerate(rows, 1)]

    def _format_pages(
        self,
        plan: Plan,
        node: QueryNode[Result_co],
        groups: Sequence["_Group"],
        multiplicities: Multiplicities,
    ) -> list[Result_co]:
        """Return each parent's page in the result format of the node."""
        pages = self._pages(plan, node, groups)
        rows = [row for page in pages for row in page.rows]
        row_multiplicities = (
            None
            if multiplicities is None
            else [multiplicity for page, multiplicity in zip(pages, multiplicities, strict=True) for _ in page.rows]
        )
        projected = self._project(plan, node, rows, row_multiplicities)
        ends = list(accumulate(len(page.rows) for page in pages))
        return [
            node.result_format.format_result(page, [objects[start:end] for objects in projected])
            for page, start, end in zip(pages, [0, *ends], ends, strict=False)
        ]

    def _pages(self, plan: Plan, node: QueryNode[object], groups: Sequence["_Group"]) -> list[ParentRows]:
        """Cut each parent's rows to its page. The statement reads one extra row, which shows whether more rows follow."""
        size = None if node.page is None else node.page.size
        last = None if node.page is None else node.page.last
        is_backward = node.page is not None and node.page.backward
        encode_cursor = self._cursor_encoder(plan.entity, node, plan.cursor_columns) if plan.cursor_columns else None
        return [
            ParentRows(
                rows=_cut(group.rows[:size], last, is_backward=is_backward),
                has_more=size is not None and len(group.rows) > size,
                is_backward=is_backward,
                has_rows_outside=group.has_rows_outside if last is None else len(group.rows[:size]) > last,
                total_count=group.total,
                encode_cursor=encode_cursor,
            )
            for group in groups
        ]

    def _cursor_encoder(self, entity: Entity, node: QueryNode[object], columns: slice) -> Callable[[Row], str]:
        cursors = CursorCodec(self._user_id, entity, node.order, node.search)
        return lambda row: cursors.encode(row[columns])

    def _project(self, plan: Plan, node: QueryNode[object], rows: Rows, multiplicities: Multiplicities) -> list[list[JsonObject]]:
        """Return, for each projection of the node, the objects of the rows."""
        return [
            self._map_rows(projection_plan, projection, rows, multiplicities)
            for projection_plan, projection in zip(plan.projections, node.projections, strict=True)
        ]

    def _map_rows(
        self, plan: ProjectionPlan, projection: Projection, rows: Rows, multiplicities: Multiplicities
    ) -> list[JsonObject]:
        self._budget.charge_text(plan.text_columns, rows, multiplicities)
        objects = plan.map_rows(rows)
        nodes = [field.node for field in projection.fields if isinstance(field, RelationField)]
        for child, node in zip(plan.children, nodes, strict=True):
            self._attach_children(child, node, rows, multiplicities, objects)
        return objects

    def _attach_children(
        self,
        child: ChildPlan,
        node: QueryNode[JsonValue],
        rows: Rows,
        multiplicities: Multiplicities,
        objects: Sequence[JsonObject],
    ) -> None:
        """Set the children of each parent object under their response key; rows and objects have the same order."""
        keys: list[str | None] = [row[child.key_index] for row in rows]
        distinct = [key for key in dict.fromkeys(keys) if key is not None]
        children_by_key: dict[str | None, JsonValue] = {}
        if distinct:
            children = self._read_children(child, node, distinct, multiplicities_by_key(keys, multiplicities, distinct))
            children_by_key.update(zip(distinct, children, strict=True))
        for key, parent in zip(keys, objects, strict=True):
            parent[child.key] = children_by_key.get(key)

    def _parameters(self, plan: Plan, node: QueryNode[object]) -> dict[str, object]:
        parameters: dict[str, object] = {"user_id": self._user_id, "ids": list(node.ids)}
        parameters |= {f"v{number}": value for number, value in enumerate(bind_values(node.condition))}
        if node.search is not None:
            parameters["search"] = to_tsquery_syntax(node.search.text)
        if node.page is not None:
            parameters["limit"] = node.page.size + 1
            for name, cursor in (("start", node.page.start), ("end", node.page.end)):
                if cursor is not None:
                    cursors = CursorCodec(self._user_id, plan.entity, node.order, node.search)
                    values = cursors.decode(cursor.text, f"/{cursor.argument}")
                    parameters |= {f"{name}{number}": value for number, value in enumerate(values)}
        return parameters

    def _fetch_rows(self, plan: Plan, parameters: dict[str, object], max_rows: int) -> Rows:
        """Return at most `max_rows` rows. Raises QueryTooComplex if their texts exceed the budget, without reading them all."""
        if plan.bounded_statement is None or max_rows * plan.max_row_bytes <= self._budget.text_left:
            return self._fetch(plan.statement, parameters)
        rows = self._fetch(plan.bounded_statement, {**parameters, "text_budget": self._budget.text_left})
        self._budget.check_text(plan.text_columns, rows)
        return rows

    def _fetch(self, statement: Statement, parameters: dict[str, object]) -> Rows:
        self._budget.check_timeout()
        return self._execute_statement(statement, parameters)


class _Group(NamedTuple):
    """Rows of one parent, their total count, and whether rows precede the start of the page."""

    rows: Rows
    total: int | None
    has_rows_outside: bool


def _max_rows(node: QueryNode[object], rows_left: int, parents: int = 1) -> int:
    """Return how many rows a statement returns at most. Each page has one extra row, and so has the limit of the budget."""
    if node.by_ids:
        return len(node.ids)
    return rows_left + 1 if node.page is None else min(rows_left, parents * node.page.size) + parents


def _cut(rows: Rows, last: int | None, *, is_backward: bool) -> Rows:
    """Return the rows in the order of the result, at most the last ones if `last` is set."""
    if is_backward:
        return rows[::-1]
    return rows if last is None else rows[max(0, len(rows) - last) :]


# The last column of a child's row is the number of its parent's key, counted from 1.


def _one_per_parent(rows: Rows, objects: Sequence[JsonObject], size: int) -> list[JsonObject | None]:
    results: list[JsonObject | None] = [None] * size
    for row, result in zip(rows, objects, strict=True):
        results[row[-1] - 1] = result
    return results


def _group_by_parent(rows: Rows, size: int) -> list[Rows]:
    groups: list[Rows] = [[] for _ in range(size)]
    for row in rows:
        groups[row[-1] - 1].append(row)
    return groups


def _shared_by_parents(rows: Rows, objects: Sequence[JsonObject], size: int) -> list[list[JsonObject]]:
    """Return the objects of each parent, in the order of the rows. Parents share the objects, which are complete by then."""
    results: list[list[JsonObject]] = [[] for _ in range(size)]
    for row, result in zip(rows, objects, strict=True):
        for number in row[-1]:
            results[number - 1].append(result)
    return results
