"""Selections to SQL: a level, and how it hangs on the one above it, to the plan that reads it."""

from collections import Counter
from collections.abc import Callable

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    true,
)

from services.reading.builders import builder
from services.reading.conditions import ConditionCompiler, search_condition
from services.reading.entity_registry import ENTITIES
from services.reading.entity_types import JoinTable, ManyToMany, PaginatedManyToMany, Relation, ToMany, ToOne
from services.reading.layouts import Constant
from services.reading.ordering import Ordering
from services.reading.plan import ChildPlan, Plan, ShapePlan
from services.reading.selection import Child, Leaf, QueryNode, Shape
from services.reading.sql_types import SqlExpression, SqlSelect
from services.reading.statements import Statement, compiled, parents, the_user, wanted_ids


class Planner:
    """Makes the plan of one level; `plan_for` makes those of its children."""

    def __init__(
        self, level: QueryNode[object], relation: Relation | None, plan_for: Callable[[QueryNode[object], Relation], Plan]
    ) -> None:
        self._plan_for = plan_for
        self.level = level
        self.relation = relation
        self.entity = ENTITIES[level.entity]
        self.table: FromClause = self.entity.table
        self.ordering = Ordering(self.entity, level)
        self.columns: list[SqlExpression] = []
        self._places: dict[tuple[str, bool], int] = {}

    def plan(self) -> Plan:
        """Return the plan."""
        planned = tuple(self._shape(shape) for shape in self.level.shapes)
        cursor_columns = self._cursor_columns()
        if not self.columns:
            self.columns.append(literal_column("1"))
        return Plan(self.entity, compiled(self._statement()), self._counting(), planned, cursor_columns)

    def _shape(self, shape: Shape) -> ShapePlan:
        build = builder({member.key: self._value(member) for member in shape.members})
        texts = Counter(
            self._place_of(member.column)
            for member in shape.members
            if isinstance(member, Leaf) and self.entity.columns[member.column].has_long_text
        )
        return ShapePlan(
            build, tuple(texts.items()), tuple(self._child(member) for member in shape.members if isinstance(member, Child))
        )

    def _value(self, member: Leaf | Constant | Child) -> int | str | None:
        match member:
            case Leaf():
                return self._place_of(member.column, upper=member.upper)
            case Constant():
                return member.text
            case Child():
                return None

    def _child(self, member: Child) -> ChildPlan:
        relation = self.entity.relations[member.relation]
        key = relation.column if isinstance(relation, ToOne) else "id"
        return ChildPlan(member.key, self._place_of(key), relation, self._plan_for(member.level, relation))

    def _place_of(self, column: str, *, upper: bool = False) -> int:
        """Return where the column stands in the rows, adding it if it is not there yet."""
        if (column, upper) not in self._places:
            expression = self.entity.columns[column].expression(self.table)
            self.columns.append(func.upper(expression) if upper else expression)
            self._places[column, upper] = len(self.columns) - 1
        return self._places[column, upper]

    def _cursor_columns(self) -> slice | None:
        if not self.level.result_format.needs_cursors:
            return None
        start = len(self.columns)
        self.columns += self.ordering.expressions(self.table)
        return slice(start, len(self.columns))

    def _statement(self) -> SqlSelect:
        rows = select(*(expression.label(f"c{number}") for number, expression in enumerate(self.columns)))
        match self.relation:
            case None if self.level.by_ids:
                return rows.where(*self._conditions()).order_by(
                    func.array_position(wanted_ids(self.table.c.id.type), self.table.c.id)
                )
            case None:
                return self._windowed(rows.where(*self._conditions()))
            case ToOne():
                parent = parents()
                return rows.add_columns(parent.c.place).where(*self._conditions(), self.table.c.id == parent.c.key)
            case ManyToMany(join=join):
                return self._with_its_bearers(rows, join)
            case ToMany() | PaginatedManyToMany():
                return self._page_per_parent(rows)

    def _with_its_bearers(self, rows: SqlSelect, join: JoinTable) -> SqlSelect:
        """Read each target once, and with it the places of all parents that bear it."""
        pair, parent = join.table, parents()
        borne = (
            select(pair.c[join.other_column].label("key"), func.array_agg(parent.c.place).label("bearers"))
            .where(pair.c.user_id == the_user(), pair.c[join.own_column] == parent.c.key)
            .group_by(pair.c[join.other_column])
            .subquery("borne")
        )
        keyed = rows.add_columns(borne.c.bearers).where(*self._conditions(), self.table.c.id == borne.c.key)
        return keyed.order_by(*self.ordering.over(self.ordering.expressions(self.table)))

    def _page_per_parent(self, rows: SqlSelect) -> SqlSelect:
        """A lateral join: the index serves each parent's page alone, however many rows the parent has."""
        parent = parents()
        ordering = [expression.label(f"o{number}") for number, expression in enumerate(self.ordering.expressions(self.table))]
        key, joining = self._parent_key()
        mine = rows.add_columns(*ordering).where(*self._conditions(), *joining, key == parent.c.key)
        child = self._windowed(mine.correlate(parent)).lateral("child")
        wanted = [child.c[f"c{number}"] for number in range(len(self.columns))]
        outer = select(*wanted, parent.c.place).select_from(parent.join(child, true()))
        ordered = outer.order_by(*self.ordering.over([child.c[f"o{number}"] for number in range(len(ordering))]))
        return ordered.limit(bindparam("budget", type_=Integer))

    def _parent_key(self) -> tuple[SqlExpression, list[ColumnElement[bool]]]:
        """Return where the key of the parent stands, and the conditions that join it."""
        match self.relation:
            case ToMany(column=name):
                return self.table.c[name], []
            case PaginatedManyToMany(join=join):
                pair = join.table.alias("pair")
                return pair.c[join.own_column], [pair.c.user_id == the_user(), self.table.c.id == pair.c[join.other_column]]
            case _:
                raise AssertionError(self.relation)

    def _conditions(self, *, cursor: bool = True) -> list[ColumnElement[bool]]:
        owner = self.table.c.get("user_id", self.table.c.id)
        conditions: list[ColumnElement[bool]] = [owner == the_user()]
        if "deleted_at" in self.table.c:
            conditions.append(self.table.c.deleted_at.is_(None))
        if self.level.by_ids:
            conditions.append(self.table.c.id == any_(wanted_ids(self.table.c.id.type)))
        if self.level.search is not None and self.entity.search is not None:
            conditions.append(search_condition(self.entity.search, self.table))
        if self.level.condition is not None:
            conditions.append(ConditionCompiler().compile(self.level.condition, self.entity, self.table))
        if cursor and self.level.window is not None and self.level.window.bounded:
            conditions.append(self.ordering.beyond_cursor(self.table))
        return conditions

    def _windowed(self, rows: SqlSelect) -> SqlSelect:
        if self.level.window is None:
            return rows
        return rows.order_by(*self.ordering.over(self.ordering.expressions(self.table))).limit(bindparam("limit", type_=Integer))

    def _counting(self) -> Statement | None:
        if not self.level.result_format.needs_total_count:
            return None
        conditions = self._conditions(cursor=False)
        if self.relation is None:
            return compiled(select(func.count()).select_from(self.table).where(*conditions))
        key, joining = self._parent_key()
        parent = parents()
        counted = select(parent.c.place, func.count()).where(*conditions, *joining, key == parent.c.key)
        return compiled(counted.group_by(parent.c.place))
