"""Planner: compiles a query node, and its relation to the parent node, to a plan."""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Text,
    any_,
    bindparam,
    case,
    func,
    literal_column,
    select,
    true,
)

from models.sql.statement import Statement
from services.query_engine.compiled_statement import (
    compile_statement,
    ids_param,
    parent_keys_table,
    user_id_param,
)
from services.query_engine.entity_registry import ENTITIES
from services.query_engine.entity_types import JoinTable, ManyToMany, PaginatedManyToMany, Relation, ToMany, ToOne
from services.query_engine.planning.bounded_statement import bound_text
from services.query_engine.planning.filter_sql import FilterCompiler, search_condition
from services.query_engine.planning.order_sql import Ordering
from services.query_engine.planning.plan import ChildPlan, Plan, ProjectionPlan
from services.query_engine.planning.row_mapper import compile_row_mapper
from services.query_engine.query_model import ColumnField, Projection, QueryNode, RelationField
from services.query_engine.result_format import LiteralField
from services.query_engine.sql_types import SqlExpression, SqlSelect

_MAX_BYTES_PER_CHARACTER = 4  # in UTF-8
_MAX_LENGTH = 5_000  # characters of a text whose column has no maximum length: that of the input schemas


class Planner:
    """Creates the plan of one query node; `plan_for` returns the plans of its child nodes."""

    def __init__(
        self, node: QueryNode[object], relation: Relation | None, plan_for: Callable[[QueryNode[object], Relation], Plan]
    ) -> None:
        self._plan_for = plan_for
        self.node = node
        self.relation = relation
        self.entity = ENTITIES[node.entity]
        self.table: FromClause = self.entity.table
        self.ordering = Ordering(self.entity, node)
        self.columns: list[SqlExpression] = []
        self._column_indexes: dict[tuple[str, bool], int] = {}
        self._max_bytes: dict[int, int] = {}  # of the texts in a column

    def plan(self) -> Plan:
        """Return the plan."""
        projections = tuple(self._projection_plan(projection) for projection in self.node.projections)
        cursor_columns = self._cursor_columns()
        if not self.columns:
            self.columns.append(literal_column("1"))
        statement = compile_statement(self._statement())
        texts: Counter[int] = Counter()
        for projection in projections:
            texts.update(dict(projection.text_columns))
        return Plan(
            entity=self.entity,
            statement=statement,
            bounded_statement=bound_text(statement, self._column_names(), texts) if texts else None,
            text_columns=tuple(texts.items()),
            max_row_bytes=sum(times * self._max_bytes[index] for index, times in texts.items()),
            count_statement=self._count_statement(),
            outside_statement=self._outside_statement(),
            projections=projections,
            cursor_columns=cursor_columns,
        )

    def _projection_plan(self, projection: Projection) -> ProjectionPlan:
        map_rows = compile_row_mapper({field.key: self._value(field) for field in projection.fields})
        text_columns: Counter[int] = Counter()
        for field in projection.fields:
            if isinstance(field, ColumnField) and self.entity.columns[field.column].has_long_text:
                index = self._column_index(field.column)
                text_columns[index] += 1
                self._max_bytes[index] = _max_bytes(self.table.c[field.column])
        return ProjectionPlan(
            map_rows,
            tuple(text_columns.items()),
            tuple(self._child_plan(field) for field in projection.fields if isinstance(field, RelationField)),
        )

    def _value(self, field: ColumnField | LiteralField | RelationField) -> int | str | None:
        match field:
            case ColumnField():
                return self._column_index(field.column, upper=field.upper)
            case LiteralField():
                return field.text
            case RelationField():
                return None

    def _child_plan(self, field: RelationField) -> ChildPlan:
        relation = self.entity.relations[field.relation]
        key = relation.column if isinstance(relation, ToOne) else "id"
        return ChildPlan(field.key, self._column_index(key), relation, self._plan_for(field.node, relation))

    def _column_index(self, column: str, *, upper: bool = False) -> int:
        """Return the index of the column in the rows; add the column if it is not selected yet."""
        if (column, upper) not in self._column_indexes:
            spec = self.entity.columns[column]
            expression = spec.expression(self.table)
            self.columns.append(_enum_names(spec.value_type, expression) if upper else expression)
            self._column_indexes[column, upper] = len(self.columns) - 1
        return self._column_indexes[column, upper]

    def _cursor_columns(self) -> slice | None:
        if not self.node.result_format.needs_cursors:
            return None
        start = len(self.columns)
        self.columns += self.ordering.expressions(self.table)
        return slice(start, len(self.columns))

    def _statement(self) -> SqlSelect:
        rows = select(*(expression.label(f"c{number}") for number, expression in enumerate(self.columns)))
        match self.relation:
            case None if self.node.by_ids:
                return rows.where(*self._conditions()).order_by(
                    func.array_position(ids_param(self.table.c.id.type), self.table.c.id)
                )
            case None:
                return self._paginated(rows.where(*self._conditions()))
            case ToOne():
                parent = parent_keys_table()
                return rows.add_columns(parent.c.number).where(*self._conditions(), self.table.c.id == parent.c.key)
            case ManyToMany(join=join):
                return self._many_to_many(rows, join)
            case ToMany() | PaginatedManyToMany():
                return self._lateral_pages(rows)

    def _column_names(self) -> list[str]:
        """Return the names of the statement's columns."""
        names = [f"c{number}" for number in range(len(self.columns))]
        match self.relation:
            case None:
                return names
            case ManyToMany():
                return [*names, "parent_numbers"]
            case _:
                return [*names, "number"]

    def _many_to_many(self, rows: SqlSelect, join: JoinTable) -> SqlSelect:
        """Read each target once, with the numbers of all its parents."""
        pair, parent = join.table, parent_keys_table()
        links = (
            select(pair.c[join.other_column].label("key"), func.array_agg(parent.c.number).label("parent_numbers"))
            .where(pair.c.user_id == user_id_param(), pair.c[join.own_column] == parent.c.key)
            .group_by(pair.c[join.other_column])
            .subquery("links")
        )
        joined = rows.add_columns(links.c.parent_numbers).where(*self._conditions(), self.table.c.id == links.c.key)
        return joined.order_by(*self.ordering.order_by(self.ordering.expressions(self.table)))

    def _lateral_pages(self, rows: SqlSelect) -> SqlSelect:
        """Read each parent's page by a lateral join, which an index supports however many rows the parent has."""
        parent = parent_keys_table()
        ordering = [expression.label(f"o{number}") for number, expression in enumerate(self.ordering.expressions(self.table))]
        key, join_conditions = self._parent_key()
        page = rows.add_columns(*ordering).where(*self._conditions(), *join_conditions, key == parent.c.key)
        child = self._paginated(page.correlate(parent)).lateral("child")
        columns = [child.c[f"c{number}"] for number in range(len(self.columns))]
        outer = select(*columns, parent.c.number).select_from(parent.join(child, true()))
        ordered = outer.order_by(*self.ordering.order_by([child.c[f"o{number}"] for number in range(len(ordering))]))
        return ordered.limit(bindparam("budget", type_=Integer))

    def _parent_key(self) -> tuple[SqlExpression, list[ColumnElement[bool]]]:
        """Return the column with the parent's key, and the conditions that join its table."""
        match self.relation:
            case ToMany(column=name):
                return self.table.c[name], []
            case PaginatedManyToMany(join=join):
                pair = join.table.alias("pair")
                return pair.c[join.own_column], [pair.c.user_id == user_id_param(), self.table.c.id == pair.c[join.other_column]]
            case _:
                raise AssertionError(self.relation)

    def _conditions(self, *, cursor: bool = True) -> list[ColumnElement[bool]]:
        owner = self.table.c.get("user_id", self.table.c.id)
        conditions: list[ColumnElement[bool]] = [owner == user_id_param()]
        if "deleted_at" in self.table.c:
            conditions.append(self.table.c.deleted_at.is_(None))
        if self.node.by_ids:
            conditions.append(self.table.c.id == any_(ids_param(self.table.c.id.type)))
        if self.node.search is not None and self.entity.search is not None:
            conditions.append(search_condition(self.entity.search, self.table))
        if self.node.condition is not None:
            conditions.append(FilterCompiler().compile(self.node.condition, self.entity, self.table))
        if cursor:
            conditions += self.ordering.between_cursors(self.table)
        return conditions

    def _paginated(self, rows: SqlSelect) -> SqlSelect:
        if self.node.page is None:
            return rows
        return rows.order_by(*self.ordering.order_by(self.ordering.expressions(self.table))).limit(
            bindparam("limit", type_=Integer)
        )

    def _count_statement(self) -> Statement | None:
        if not self.node.result_format.needs_total_count:
            return None
        conditions = self._conditions(cursor=False)
        if self.relation is None:
            return compile_statement(select(func.count()).select_from(self.table).where(*conditions))
        key, join_conditions = self._parent_key()
        parent = parent_keys_table()
        counted = select(parent.c.number, func.count()).where(*conditions, *join_conditions, key == parent.c.key)
        return compile_statement(counted.group_by(parent.c.number))

    def _outside_statement(self) -> Statement | None:
        """Return the statement for the parents that have rows before the start of their page, if the result shows whether."""
        page = self.node.page
        if page is None or page.start is None or not self.node.result_format.needs_page_info(page.start_flag):
            return None
        conditions = [*self._conditions(cursor=False), self.ordering.up_to_start(self.table)]
        if self.relation is None:
            return compile_statement(
                select(literal_column("1")).select_from(self.table).where(*conditions).limit(literal_column("1"))
            )
        key, join_conditions = self._parent_key()
        parent = parent_keys_table()
        rows: SqlSelect = select(literal_column("1")).where(*conditions, *join_conditions, key == parent.c.key).correlate(parent)
        return compile_statement(select(parent.c.number).where(rows.exists()))


def _max_bytes(column: ColumnElement[Any]) -> int:
    return int(getattr(column.type, "length", None) or _MAX_LENGTH) * _MAX_BYTES_PER_CHARACTER


def _enum_names(values: type[StrEnum], value: SqlExpression) -> SqlExpression:
    """Return the name of an enum member instead of its value; upper() would depend on the locale of the database."""
    names: dict[ColumnElement[Any], ColumnElement[Any]] = {
        literal_column(f"'{member.value}'", Text): literal_column(f"'{member.name}'", Text) for member in values
    }
    return case(names, value=value)
