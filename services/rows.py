"""What the services of all kinds of rows have in common: reading, creating safely, changing under a precondition."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from sqlmodel import col

from models.base import Positioned, Versioned, new_id
from models.shapes import ChangeShape, WriteShape
from services.context import UserContext
from services.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from services.reading.defaults import default_view
from services.reading.entity_types import Entity
from services.reading.selection import Level, View
from services.transactions import Snapshot, Transaction

MAX_BULK = 500

Row = TypeVar("Row", bound=Versioned)
New = TypeVar("New", bound=WriteShape)
Change = TypeVar("Change", bound=ChangeShape)
Revisions = frozenset[int] | None


def check_bulk(several: Sequence[Any], pointer: str) -> None:
    """Raise InvalidInput if these are too many for one transaction."""
    if len(several) > MAX_BULK:
        raise InvalidInput.at(pointer, f"At most {MAX_BULK} at once.")


@dataclass(frozen=True, slots=True)
class Created:
    """The row as the view shows it; not new where the same row was created before, by a first try of the same request."""

    tree: Any
    row_id: str
    is_new: bool


class RowService(Generic[Row, New, Change]):
    """Rows of one table. Subclasses say which, and add their rules by overriding the private steps."""

    entity: ClassVar[Entity]
    table: type[Row]

    def __init__(self, context: UserContext) -> None:
        self.context = context

    def one(self, row_id: str, view: View) -> Any:
        """Return the row. Raises NotFound."""
        with self.context.snapshot() as snapshot:
            return self._shown(snapshot, row_id, view)

    def page(self, level: Level) -> Any:
        """Return what the level describes."""
        with self.context.snapshot() as snapshot:
            return snapshot.read(level)

    def page_of(self, row_id: str, level: Level) -> Any:
        """Return what the level describes, if the row to which it belongs exists. Raises NotFound."""
        with self.context.snapshot() as snapshot:
            self._shown(snapshot, row_id, default_view(self.entity))
            return snapshot.read(level)

    def create(self, new: New, view: View) -> Created:
        """Create a row. Raises InvalidInput, and Conflict where its id stands for other content."""
        with self.context.transaction() as transaction:
            row, is_new = self._create(transaction, new)
            return Created(transaction.read(view.of(self.entity.name, row.id)), row.id, is_new)

    def update(self, row_id: str, change: Change, view: View, revisions: Revisions = None) -> Any:
        """Change the members present. Raises NotFound, PreconditionFailed, InvalidInput."""
        with self.context.transaction() as transaction:
            row = self._found(transaction, row_id)
            self._demand(transaction, row, revisions, view)
            self._change(transaction, row, change)
            return transaction.read(view.of(self.entity.name, row_id))

    def delete(self, row_id: str, revisions: Revisions = None) -> None:
        """Delete the row, leaving a tombstone. Raises NotFound, PreconditionFailed."""
        with self.context.transaction() as transaction:
            row = self._found(transaction, row_id)
            self._demand(transaction, row, revisions)
            self._bury(transaction, row)

    def _values(self, transaction: Transaction, shape: WriteShape, row: Row | None) -> dict[str, Any]:
        """Return what the client said, as columns; `row` is None on creating, when null means left open."""
        return {name: value for name, value in shape.present().items() if name != "id" and (row is not None or value is not None)}

    def _defaults(self, transaction: Transaction, values: dict[str, Any]) -> dict[str, Any]:
        """Return what the service decides where the client left it open."""
        if issubclass(self.table, Positioned) and "position" not in values:
            return {"position": transaction.next_position(self.table)}
        return {}

    def _relate(self, transaction: Transaction, row: Row, shape: WriteShape) -> None:
        """Write what is not a column of the row; nothing, for most."""

    def _same(self, transaction: Transaction, row: Row, new: New, values: dict[str, Any]) -> bool:
        """Tell whether the row is what creating with these values would give."""
        return all(getattr(row, name) == value for name, value in values.items())

    def _bury(self, transaction: Transaction, row: Row) -> None:
        """Delete the row, and do to others what that entails."""
        transaction.change(row, {"deleted_at": transaction.now})

    def _flush(self, transaction: Transaction) -> None:
        transaction.session.flush()

    def _create(self, transaction: Transaction, new: New) -> tuple[Row, bool]:
        values = self._values(transaction, new, None)
        row_id: str | None = getattr(new, "id", None)
        existing = self._existing(transaction, row_id) if row_id is not None else None
        if existing is None:
            everything = {"id": row_id or new_id(), **self._defaults(transaction, values), **values}
            row = transaction.add(self.table, everything)
            self._flush(transaction)
            self._relate(transaction, row, new)
            return row, True
        if existing.deleted_at is not None:
            raise Conflict(f"A {self.entity.display_name} with this id was deleted; take another id.")
        if not self._same(transaction, existing, new, values):
            raise Conflict(f"A {self.entity.display_name} with this id exists already, with other content.")
        return existing, False

    def _change(self, transaction: Transaction, row: Row, change: WriteShape) -> None:
        transaction.change(row, self._values(transaction, change, row))
        self._relate(transaction, row, change)
        self._flush(transaction)

    def _existing(self, transaction: Transaction, row_id: str) -> Row | None:
        statement = transaction.owned(self.table).where(col(self.table.id) == row_id)
        return transaction.session.scalars(statement).one_or_none()

    def _shown(self, snapshot: Snapshot, row_id: str, view: View) -> Any:
        tree = snapshot.read(view.of(self.entity.name, row_id))
        if tree is None:
            raise NotFound.of(self.entity.display_name)
        return tree

    def _found(self, transaction: Transaction, row_id: str) -> Row:
        row = transaction.find(self.table, row_id)
        if row is None:
            raise NotFound.of(self.entity.display_name)
        return row

    def _all_found(self, transaction: Transaction, ids: Sequence[str]) -> list[Row]:
        """Return the rows in the order of the ids. Raises NotFound if one is missing, InvalidInput if there are too many."""
        check_bulk(ids, "/ids")
        rows = transaction.find_all(self.table, ids)
        missing = [row_id for row_id in ids if row_id not in rows]
        if missing:
            raise NotFound(f"There is no such {self.entity.display_name}: {', '.join(missing)}. Nothing was changed.")
        return [rows[row_id] for row_id in dict.fromkeys(ids)]

    def _demand(self, transaction: Transaction, row: Row, revisions: Revisions, view: View | None = None) -> None:
        """Raise PreconditionFailed, with the row as it is now, unless it has one of these revisions."""
        if revisions is not None and row.revision not in revisions:
            shown = view or default_view(self.entity)
            raise PreconditionFailed(transaction.read(shown.of(self.entity.name, row.id)))
