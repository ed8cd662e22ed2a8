"""Filter compiler: conditions to SQL. Operands become bind parameters, numbered in the order of `bind_values`."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    FromClause,
    and_,
    any_,
    bindparam,
    cast,
    false,
    func,
    or_,
    select,
    true,
)

from services.query_engine.compiled_statement import tsquery_param
from services.query_engine.entity_registry import ENTITIES
from services.query_engine.entity_types import Entity, ManyToMany, PaginatedManyToMany, Relation, SearchSpec, ToMany, ToOne
from services.query_engine.query_model import And, Comparison, Condition, Not, Or, RelationFilter
from services.query_engine.sql_types import SqlExpression, sql_type

RANGE = frozenset({"lt", "lte", "gt", "gte"})

Operator = Callable[[SqlExpression, SqlExpression], ColumnElement[bool]]

_OPERATORS: Mapping[str, Operator] = {
    "eq": lambda column, value: column == value,
    "ne": lambda column, value: column != value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "in": lambda column, value: column == any_(value),
    "is_null": lambda column, value: column.is_(None) == value,
    "contains": lambda column, value: func.strpos(func.lower(column), func.lower(value)) > 0,
}


def bind_values(condition: Condition | None) -> Iterator[object]:
    """Yield the values of a condition, in the order of its bind parameters."""
    match condition:
        case Comparison(value=value):
            yield value
        case And(parts) | Or(parts):
            for part in parts:
                yield from bind_values(part)
        case Not(part) | RelationFilter(part=part):
            yield from bind_values(part)


class FilterCompiler:
    """Compiles the condition of one query node to SQL."""

    def __init__(self) -> None:
        self._names = (f"v{number}" for number in count())
        self._aliases = (f"related{number}" for number in count())

    def compile(self, condition: Condition, entity: Entity, source: FromClause) -> ColumnElement[bool]:
        """Return the condition on the rows of `source`, the entity's table or an alias of it."""
        match condition:
            case Comparison():
                return self._compare(condition, entity, source)
            case And(parts):
                return and_(true(), *(self.compile(part, entity, source) for part in parts))
            case Or(parts):
                return or_(false(), *(self.compile(part, entity, source) for part in parts))
            case Not(part):
                return self.compile(part, entity, source).is_not(True)
            case RelationFilter():
                return self._relation_filter(condition, entity, source)

    def _compare(self, condition: Comparison, entity: Entity, source: FromClause) -> ColumnElement[bool]:
        column = entity.columns[condition.column].expression(source)
        filter_spec = entity.filters[condition.column]
        operand_type = sql_type(filter_spec.kind)
        if condition.operator == "is_null":
            operand_type = Boolean()
        elif condition.operator == "in":
            operand_type = ARRAY(operand_type)
        operand: SqlExpression = cast(bindparam(next(self._names), required=False), operand_type)
        if filter_spec.rank is not None and condition.operator in RANGE:
            column, operand = filter_spec.rank(column), filter_spec.rank(operand)
        return _OPERATORS[condition.operator](column, operand)

    def _relation_filter(self, condition: RelationFilter, entity: Entity, source: FromClause) -> ColumnElement[bool]:
        relation = entity.relations[condition.relation]
        target = ENTITIES[relation.target]
        row = target.table.alias(next(self._aliases))
        part = self.compile(condition.part, target, row)
        matching = (
            select(true())
            .where(row.c.user_id == source.c.user_id, row.c.deleted_at.is_(None), *_join_conditions(relation, source, row))
            .where(part.is_not(True) if condition.quantifier == "every" else part)
        )
        exists = matching.correlate(source).exists()
        return exists if condition.quantifier == "some" else ~exists


def _join_conditions(relation: Relation, source: FromClause, row: FromClause) -> list[ColumnElement[bool]]:
    """Return the conditions that join `row` to `source` by the relation; both belong to the same user."""
    match relation:
        case ToOne(column=column):
            return [row.c.id == source.c[column]]
        case ToMany(column=column):
            return [row.c[column] == source.c.id]
        case ManyToMany(join=join) | PaginatedManyToMany(join=join):
            pair = join.table.alias(f"{row.description}_pair")
            return [
                pair.c.user_id == source.c.user_id,
                pair.c[join.own_column] == source.c.id,
                row.c.id == pair.c[join.other_column],
            ]


def search_condition(spec: SearchSpec, source: FromClause) -> ColumnElement[bool]:
    """Return the condition of a full-text search."""
    return source.c[spec.vector_column].bool_op("@@")(tsquery_param())
