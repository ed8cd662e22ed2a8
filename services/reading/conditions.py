"""Conditions as SQL. Operands become bind parameters, named in the order in which `operands` yields their values."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    FromClause,
    Text,
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
from sqlalchemy.types import TypeEngine

from services.reading.entities import Borne, Entity
from services.reading.graph import ENTITIES
from services.reading.selection import All, Compare, Condition, Not, Related, Search, Some
from services.reading.sql_types import sql_type

Operator = Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]]

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


def operands(condition: Condition | None) -> Iterator[Any]:
    """Yield the values of a condition, in the order of its bind parameters."""
    match condition:
        case Compare(value=value):
            yield value
        case Search(text=text):
            yield text
        case All(parts) | Some(parts):
            for part in parts:
                yield from operands(part)
        case Not(part) | Related(part=part):
            yield from operands(part)


class ConditionCompiler:
    """Turns one level's condition into SQL."""

    def __init__(self) -> None:
        self._names = (f"v{number}" for number in count())
        self._aliases = (f"related{number}" for number in count())

    def compile(self, condition: Condition, entity: Entity, source: FromClause) -> ColumnElement[bool]:
        """Return the condition on the rows of `source`, which is the entity's table or an alias of it."""
        match condition:
            case Compare():
                return self._compare(condition, entity, source)
            case Search():
                return self._search(entity, source)
            case All(parts):
                return and_(true(), *(self.compile(part, entity, source) for part in parts))
            case Some(parts):
                return or_(false(), *(self.compile(part, entity, source) for part in parts))
            case Not(part):
                return self.compile(part, entity, source).is_not(True)
            case Related():
                return self._related(condition, entity, source)

    def _operand(self, kind: TypeEngine[Any]) -> ColumnElement[Any]:
        return cast(bindparam(next(self._names), required=False), kind)

    def _compare(self, condition: Compare, entity: Entity, source: FromClause) -> ColumnElement[bool]:
        column = entity.columns[condition.column](source)
        kind = sql_type(entity.filters[condition.column].kind)
        if condition.operator == "is_null":
            kind = Boolean()
        elif condition.operator == "in":
            kind = ARRAY(kind)
        return _OPERATORS[condition.operator](column, self._operand(kind))

    def _search(self, entity: Entity, source: FromClause) -> ColumnElement[bool]:
        text = self._operand(Text())
        return or_(*(_OPERATORS["contains"](source.c[name], text) for name in entity.searched))

    def _related(self, condition: Related, entity: Entity, source: FromClause) -> ColumnElement[bool]:
        relation = entity.relations[condition.relation]
        assert isinstance(relation, Borne)  # noqa: S101 - filters.py lets nothing else through
        target = ENTITIES[relation.target]
        alias = next(self._aliases)
        pair = relation.pairs.table.alias(f"{alias}_pair")
        row = target.table.alias(alias)
        part = self.compile(condition.part, target, row)
        matching = select(true()).where(
            pair.c.user_id == source.c.user_id,
            pair.c[relation.pairs.near] == source.c.id,
            row.c.user_id == pair.c.user_id,
            row.c.id == pair.c[relation.pairs.far],
            part.is_not(True) if condition.quantifier == "every" else part,
        )
        exists = matching.correlate(source).exists()
        return exists if condition.quantifier == "some" else ~exists
