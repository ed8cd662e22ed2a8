"""An order as SQL: the ORDER BY of a page, and what lies beyond a cursor in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, cast, false, or_, tuple_

from services.query_engine.cursors import order_keys
from services.query_engine.entity_types import Entity, SortKey
from services.query_engine.query_model import QueryNode
from services.query_engine.sql_types import SqlExpression, sql_type


@dataclass(frozen=True, slots=True)
class _OrderColumn:
    key: SortKey
    descending: bool

    def over(self, expression: SqlExpression) -> SqlExpression:
        return expression.desc() if self.descending else expression.asc()


class Ordering:
    """The order in which a level's rows are read: a backward page is read from its end."""

    def __init__(self, entity: Entity, node: QueryNode[object]) -> None:
        backward = node.page is not None and node.page.backward
        self._columns = [
            _OrderColumn(key.key, key.descending != backward)
            for key in order_keys(entity, node.order, searching=node.search is not None)
        ]

    def expressions(self, source: FromClause) -> list[SqlExpression]:
        """Return what is compared, the id last."""
        return [step.key.expression(source) for step in self._columns]

    def order_by(self, expressions: list[SqlExpression]) -> list[SqlExpression]:
        """Return the ORDER BY over these expressions, which stand for those of `expressions`."""
        return [step.over(expression) for step, expression in zip(self._columns, expressions, strict=True)]

    def after_cursor(self, source: FromClause) -> ColumnElement[bool]:
        """Compare with the cursor's values, lexicographically; an index serves that where all keys go one way."""
        here = self.expressions(source)
        there = [cast(bindparam(f"k{number}"), sql_type(step.key.kind)) for number, step in enumerate(self._columns)]
        if len({step.descending for step in self._columns}) == 1:
            row, cursor = tuple_(*here), tuple_(*there)
            return row < cursor if self._columns[0].descending else row > cursor
        return or_(false(), *(self._after_cursor_at(place, here, there) for place in range(len(here))))

    def _after_cursor_at(self, place: int, here: Sequence[SqlExpression], there: Sequence[SqlExpression]) -> ColumnElement[bool]:
        """All before this place are equal, and this one is beyond."""
        equal = (here[before] == there[before] for before in range(place))
        beyond = here[place] < there[place] if self._columns[place].descending else here[place] > there[place]
        return and_(*equal, beyond)
