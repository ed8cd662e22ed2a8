"""Selections to SQL: one flat SELECT per relation level, compiled to text once per shape of selection.

Every SELECT brings, in this order: for each shape of the level one column per response key (NULL where a child will go), then the
keys by which children are found, then the order keys if cursors are wanted, and last the key of the parent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    column,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.types import TypeEngine

from models.database import make_dialect
from services.reading.conditions import ConditionCompiler
from services.reading.graph import ENTITIES, Bearers, Borne, Entity, Relation, ToMany, ToOne
from services.reading.pages import OrderKey, order_keys
from services.reading.selection import (
    Child,
    Connection,
    Constant,
    Edges,
    Leaf,
    Level,
    Page,
    PageInfo,
    Shape,
    TotalCount,
)
from services.reading.sql_types import sql_type

MAX_PLANS = 512

_DIALECT = make_dialect()


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL for the driver, and the parameters that are the same every time."""

    text: str
    constants: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """A child of a shape: under which response key, at which column of the parent's rows its key stands, and how it is read."""

    key: str
    key_column: int
    relation: Relation
    plan: "Plan"


@dataclass(frozen=True, slots=True)
class ShapePlan:
    """Where a shape's columns begin in the row, their response keys, and its children."""

    start: int
    keys: tuple[str, ...]
    children: tuple[ChildPlan, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """One level: its statement, that of its total count if asked, and where things stand in its rows."""

    entity: Entity
    statement: Statement
    counting: Statement | None
    shapes: tuple[ShapePlan, ...]
    cursor_columns: slice | None


@lru_cache(maxsize=MAX_PLANS)
def plan_for(level: Level, relation: Relation | None = None) -> Plan:
    """Return the plan of all levels of this shape; values in the level do not matter."""
    return _Planner(level, relation).plan()


class _Planner:
    def __init__(self, level: Level, relation: Relation | None) -> None:
        self.level = level
        self.relation = relation
        self.entity = ENTITIES[level.entity]
        self.table: FromClause = self.entity.table
        self.keys = order_keys(self.entity, level.order)
        self.columns: list[ColumnElement[Any]] = []

    def plan(self) -> Plan:
        shapes = [self._start(shape) for shape in self.level.shapes]
        planned = tuple(
            ShapePlan(start, tuple(member.key for member in shape.members), tuple(self._children(shape)))
            for start, shape in zip(shapes, self.level.shapes, strict=True)
        )
        cursor_columns = self._cursor_columns()
        if not self.columns:
            self.columns.append(literal_column("1"))
        return Plan(self.entity, _compiled(self._statement()), self._counting(), planned, cursor_columns)

    def _start(self, shape: Shape) -> int:
        start = len(self.columns)
        self.columns += [self._member(member) for member in shape.members]
        return start

    def _member(self, member: Leaf | Constant | Child) -> ColumnElement[Any]:
        match member:
            case Leaf():
                expression = self.entity.columns[member.column](self.table)
                return func.upper(expression) if member.upper else expression
            case Constant():
                return cast(literal_column(f"'{member.text}'"), Text)
            case Child():
                return null()

    def _children(self, shape: Shape) -> Iterator[ChildPlan]:
        for member in shape.members:
            if isinstance(member, Child):
                relation = self.entity.relations[member.relation]
                key = relation.column if isinstance(relation, ToOne | Borne) else "id"
                self.columns.append(self.entity.columns[key](self.table))
                yield ChildPlan(member.key, len(self.columns) - 1, relation, plan_for(member.level, relation))

    def _cursor_columns(self) -> slice | None:
        if not _wants_cursors(self.level):
            return None
        start = len(self.columns)
        self.columns += [key.key.expression(self.table) for key in self.keys]
        return slice(start, len(self.columns))

    def _statement(self) -> Select[Any]:
        rows = select(*(expression.label(f"c{number}") for number, expression in enumerate(self.columns)))
        match self.relation:
            case None if self.level.by_ids:
                return rows.where(*self._conditions()).order_by(func.array_position(self._ids(), self.table.c.id))
            case None:
                return self._windowed(rows.where(*self._conditions()))
            case ToOne() | Borne():
                keyed = rows.add_columns(self.table.c.id).where(*self._conditions(), self.table.c.id == any_(_keys()))
                return keyed.order_by(*self._ordering())
            case ToMany() | Bearers():
                return self._page_per_parent(rows)

    def _page_per_parent(self, rows: Select[Any]) -> Select[Any]:
        """A lateral join: the index serves each parent's page alone, however many rows the parent has."""
        parent = func.unnest(_keys()).table_valued(column("key", Uuid(as_uuid=False)), name="parent").render_derived()
        ordering = [expression.label(f"o{number}") for number, expression in enumerate(self._order_expressions())]
        key, joining = self._parent_key()
        mine = rows.add_columns(*ordering).where(*self._conditions(), *joining, key == parent.c.key)
        child = self._windowed(mine.correlate(parent)).lateral("child")
        wanted = [child.c[f"c{number}"] for number in range(len(self.columns))]
        outer = select(*wanted, parent.c.key).select_from(parent.join(child, true()))
        directions = [descending for _, descending in self._directions()]
        return outer.order_by(
            *(_directed(child.c[f"o{number}"], descending=descending) for number, descending in enumerate(directions))
        )

    def _parent_key(self) -> tuple[ColumnElement[Any], list[ColumnElement[bool]]]:
        """Return where the key of the parent stands, and the conditions that join it."""
        match self.relation:
            case ToMany(column=name):
                return self.table.c[name], []
            case Bearers(pairs=pairs):
                pair = pairs.table.alias("pair")
                return pair.c[pairs.near], [pair.c.user_id == _user(), self.table.c.id == pair.c[pairs.far]]
            case _:
                raise AssertionError(self.relation)

    def _conditions(self, *, cursor: bool = True) -> list[ColumnElement[bool]]:
        owner = self.table.c.get("user_id", self.table.c.id)
        conditions: list[ColumnElement[bool]] = [owner == _user()]
        if "deleted_at" in self.table.c:
            conditions.append(self.table.c.deleted_at.is_(None))
        if self.level.by_ids:
            conditions.append(self.table.c.id == any_(self._ids()))
        if self.level.condition is not None:
            conditions.append(ConditionCompiler().compile(self.level.condition, self.entity, self.table))
        if cursor and self.level.window is not None and self.level.window.bounded:
            conditions.append(self._beyond_cursor())
        return conditions

    def _ids(self) -> ColumnElement[Any]:
        return cast(bindparam("ids", type_=Text), ARRAY(_bare(self.table.c.id.type)))

    def _directions(self) -> list[tuple[OrderKey, bool]]:
        backward = self.level.window is not None and self.level.window.backward
        return [(key, key.descending != backward) for key in self.keys]

    def _order_expressions(self) -> list[ColumnElement[Any]]:
        return [key.key.expression(self.table) for key in self.keys]

    def _ordering(self) -> list[ColumnElement[Any]]:
        return [_directed(key.key.expression(self.table), descending=down) for key, down in self._directions()]

    def _beyond_cursor(self) -> ColumnElement[bool]:
        """Compare the order keys with the cursor's, lexicographically; an index serves that where all go one way."""
        expressions = self._order_expressions()
        values = [cast(bindparam(f"k{number}"), sql_type(key.key.kind)) for number, key in enumerate(self.keys)]
        directions = [descending for _, descending in self._directions()]
        if len(set(directions)) == 1:
            here, there = tuple_(*expressions), tuple_(*values)
            return here < there if directions[0] else here > there
        return or_(
            false(),
            *(
                and_(
                    *(expressions[before] == values[before] for before in range(place)),
                    expressions[place] < values[place] if directions[place] else expressions[place] > values[place],
                )
                for place in range(len(values))
            ),
        )

    def _windowed(self, rows: Select[Any]) -> Select[Any]:
        if self.level.window is None:
            return rows
        return rows.order_by(*self._ordering()).limit(bindparam("limit", type_=Integer))

    def _counting(self) -> Statement | None:
        if not _wants_total(self.level):
            return None
        conditions = self._conditions(cursor=False)
        if self.relation is None:
            return _compiled(select(func.count()).select_from(self.table).where(*conditions))
        key, joining = self._parent_key()
        return _compiled(select(key, func.count()).where(*conditions, *joining, key == any_(_keys())).group_by(key))


def _bare(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type without its Python side: values are bound as the driver takes them."""
    return Uuid(as_uuid=False) if isinstance(kind, Uuid) else Text()


def _user() -> ColumnElement[Any]:
    return bindparam("user_id", type_=Text)


def _keys() -> ColumnElement[Any]:
    return cast(bindparam("keys", type_=Text), ARRAY(Uuid(as_uuid=False)))


def _directed(expression: ColumnElement[Any], *, descending: bool) -> ColumnElement[Any]:
    return expression.desc() if descending else expression.asc()


def _wants_cursors(level: Level) -> bool:
    match level.layout:
        case Page():
            return True
        case Connection(members):
            return any(
                (isinstance(member, Edges) and any(what == "cursor" for _, what in member.members))
                or (isinstance(member, PageInfo) and any(str(fact).endswith("_cursor") for _, fact in member.members))
                for member in members
            )
        case _:
            return False


def _wants_total(level: Level) -> bool:
    return isinstance(level.layout, Connection) and any(isinstance(member, TotalCount) for member in level.layout.members)


def _compiled(statement: Select[Any]) -> Statement:
    compiled = statement.compile(dialect=_DIALECT)
    given = {"user_id", "keys", "ids", "limit"}
    constants = {
        name: value
        for name, value in compiled.params.items()
        if name not in given and not (name[0] in "kv" and name[1:].isdigit())
    }
    return Statement(str(compiled), constants)
