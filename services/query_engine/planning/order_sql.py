"""Sort orders as SQL: ORDER BY, and the condition for the rows after a cursor."""

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

    def with_direction(self, expression: SqlExpression) -> SqlExpression:
        return expression.desc() if self.descending else expression.asc()


class Ordering:
    """Order in which the rows of a query node are read; a backward page is read in reverse."""

    def __init__(self, entity: Entity, node: QueryNode[object]) -> None:
        backward = node.page is not None and node.page.backward
        self._columns = [
            _OrderColumn(key.key, key.descending != backward)
            for key in order_keys(entity, node.order, searching=node.search is not None)
        ]

    def expressions(self, source: FromClause) -> list[SqlExpression]:
        """Return the compared expressions, the id last."""
        return [column.key.expression(source) for column in self._columns]

    def order_by(self, expressions: list[SqlExpression]) -> list[SqlExpression]:
        """Return the ORDER BY; the arguments are the values of `expressions`, possibly as columns of a subquery."""
        return [column.with_direction(expression) for column, expression in zip(self._columns, expressions, strict=True)]

    def after_cursor(self, source: FromClause) -> ColumnElement[bool]:
        """Return the lexicographic comparison with the cursor's values; an index supports it if all keys have one direction."""
        values = self.expressions(source)
        cursor_values = [cast(bindparam(f"k{number}"), sql_type(column.key.kind)) for number, column in enumerate(self._columns)]
        if len({column.descending for column in self._columns}) == 1:
            row, cursor = tuple_(*values), tuple_(*cursor_values)
            return row < cursor if self._columns[0].descending else row > cursor
        return or_(false(), *(self._after_cursor_at(index, values, cursor_values) for index in range(len(values))))

    def _after_cursor_at(
        self, index: int, values: Sequence[SqlExpression], cursor: Sequence[SqlExpression]
    ) -> ColumnElement[bool]:
        """Return the condition that all values before the index are equal, and the one at the index is after the cursor."""
        equal = (values[before] == cursor[before] for before in range(index))
        after = values[index] < cursor[index] if self._columns[index].descending else values[index] > cursor[index]
        return and_(*equal, after)
