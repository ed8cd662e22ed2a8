"""Sort orders as SQL: ORDER BY, and the condition for the rows after a cursor."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, cast, false, not_, or_, tuple_

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
        self._page = node.page
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

    def between_cursors(self, source: FromClause) -> list[ColumnElement[bool]]:
        """Return the conditions for the rows between the cursors of the page."""
        page = self._page
        start = [self._compare(source, "start", is_after=True)] if page and page.start else []
        end = [self._compare(source, "end", is_after=False)] if page and page.end else []
        return start + end

    def up_to_start(self, source: FromClause) -> ColumnElement[bool]:
        """Return the condition for the rows before the start of the page, among them the one that its cursor names."""
        return not_(self._compare(source, "start", is_after=True))

    def _compare(self, source: FromClause, cursor_name: str, *, is_after: bool) -> ColumnElement[bool]:
        """Return the lexicographic comparison with a cursor, in the order in which the rows are read.

        An index supports it if all keys have one direction.
        """
        values, cursor = self.expressions(source), self._cursor_values(cursor_name)
        less = [column.descending == is_after for column in self._columns]
        if len(set(less)) == 1:
            row, other = tuple_(*values), tuple_(*cursor)
            return row < other if less[0] else row > other
        return or_(false(), *(_compare_at(index, values, cursor, less=less[index]) for index in range(len(values))))

    def _cursor_values(self, name: str) -> list[SqlExpression]:
        return [cast(bindparam(f"{name}{number}"), sql_type(column.key.kind)) for number, column in enumerate(self._columns)]


def _compare_at(
    index: int, values: Sequence[SqlExpression], cursor: Sequence[SqlExpression], *, less: bool
) -> ColumnElement[bool]:
    """Return the condition that all values before the index are equal, and the one at the index is less or greater."""
    equal = (values[before] == cursor[before] for before in range(index))
    return and_(*equal, values[index] < cursor[index] if less else values[index] > cursor[index])
