"""An order as SQL: the ORDER BY of a page, and what lies beyond a cursor in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, cast, false, or_, tuple_

from services.reading.entity_types import Entity, SortKey
from services.reading.pages import order_keys
from services.reading.selection import QueryNode
from services.reading.sql_types import SqlExpression, sql_type


@dataclass(frozen=True, slots=True)
class _Step:
    key: SortKey
    descending: bool

    def over(self, expression: SqlExpression) -> SqlExpression:
        return expression.desc() if self.descending else expression.asc()


class Ordering:
    """The order in which a level's rows are read: a backward page is read from its end."""

    def __init__(self, entity: Entity, level: QueryNode[object]) -> None:
        backward = level.window is not None and level.window.backward
        self._steps = [
            _Step(key.key, key.descending != backward)
            for key in order_keys(entity, level.order, searching=level.search is not None)
        ]

    def expressions(self, source: FromClause) -> list[SqlExpression]:
        """Return what is compared, the id last."""
        return [step.key.expression(source) for step in self._steps]

    def over(self, expressions: list[SqlExpression]) -> list[SqlExpression]:
        """Return the ORDER BY over these expressions, which stand for those of `expressions`."""
        return [step.over(expression) for step, expression in zip(self._steps, expressions, strict=True)]

    def beyond_cursor(self, source: FromClause) -> ColumnElement[bool]:
        """Compare with the cursor's values, lexicographically; an index serves that where all keys go one way."""
        here = self.expressions(source)
        there = [cast(bindparam(f"k{number}"), sql_type(step.key.kind)) for number, step in enumerate(self._steps)]
        if len({step.descending for step in self._steps}) == 1:
            row, cursor = tuple_(*here), tuple_(*there)
            return row < cursor if self._steps[0].descending else row > cursor
        return or_(false(), *(self._beyond_at(place, here, there) for place in range(len(here))))

    def _beyond_at(self, place: int, here: Sequence[SqlExpression], there: Sequence[SqlExpression]) -> ColumnElement[bool]:
        """All before this place are equal, and this one is beyond."""
        equal = (here[before] == there[before] for before in range(place))
        beyond = here[place] < there[place] if self._steps[place].descending else here[place] > there[place]
        return and_(*equal, beyond)
