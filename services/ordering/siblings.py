"""Rows that share an order, and the place among them to which others are moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Float, literal, tuple_
from sqlmodel import col

from models.base import Positioned, id_type
from models.schemas.move_input import MoveInput, OrderEnd
from services.errors import InvalidInput
from services.unit_of_work import WriteTransaction

Row = TypeVar("Row", bound=Positioned)


class SortKey(NamedTuple):
    """Position of a row, and its id, which decides the order of equal positions."""

    position: float
    id: str


class Neighbors(NamedTuple):
    """Siblings on both sides of a place, nearest first."""

    before: Sequence[SortKey]
    after: Sequence[SortKey]


@dataclass(frozen=True, slots=True)
class Siblings(Generic[Row]):
    """The active rows of a table with these column values. They share an order."""

    transaction: WriteTransaction
    table: type[Row]
    values: Mapping[str, Any]
    display_name: str

    def contain(self, row: Row) -> bool:
        """Return whether an active row is among the siblings."""
        return all(getattr(row, name) == value for name, value in self.values.items())

    def find_target(self, move: MoveInput, moved_ids: Sequence[str]) -> SortKey | None:
        """Return the key of the sibling that the move names, None if it names an end. Raises InvalidInput."""
        target_id = move.before or move.after
        if target_id is None:
            return None
        if target_id in moved_ids:
            raise InvalidInput.at_pointer(move.pointer, f"A {self.display_name} cannot be moved before or after itself.")
        target = self.transaction.find(self.table, target_id)
        if target is None:
            raise InvalidInput.at_pointer(move.pointer, f"{self.display_name.capitalize()} not found.")
        if not self.contain(target):
            raise InvalidInput.at_pointer(
                move.pointer,
                f"This {self.display_name} is in another list or has another parent; send its `list_id` and `parent_id` too.",
            )
        return SortKey(target.position, target.id)

    def neighbors(self, move: MoveInput, target: SortKey | None, moved_ids: Sequence[str], limit: int) -> Neighbors:
        """Return at most `limit` siblings on each side of the place, without the moved rows."""
        key = tuple_(col(self.table.position), col(self.table.id))
        others = col(self.table.id).not_in(moved_ids)
        if target is None:
            is_first = move.to == OrderEnd.FIRST
            return Neighbors(
                [] if is_first else self._nearest(others, limit=limit, descending=True),
                self._nearest(others, limit=limit, descending=False) if is_first else [],
            )
        bound = tuple_(literal(target.position, Float), literal(target.id, id_type()))
        precedes, follows = (key < bound, key >= bound) if move.before else (key <= bound, key > bound)
        return Neighbors(
            self._nearest(others, precedes, limit=limit, descending=True),
            self._nearest(others, follows, limit=limit, descending=False),
        )

    def _nearest(self, *conditions: ColumnElement[bool], limit: int, descending: bool) -> list[SortKey]:
        columns = col(self.table.position), col(self.table.id)
        own = (getattr(self.table, name) == value for name, value in self.values.items())
        query = self.transaction.active(self.table).where(*own, *conditions).with_only_columns(*columns)
        order = [column.desc() if descending else column for column in columns]
        return [SortKey(*row) for row in self.transaction.session.execute(query.order_by(*order).limit(limit))]
