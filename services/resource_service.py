"""What the services of all kinds of rows have in common: reading, creating safely, changing under a precondition."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from sqlmodel import col

from models.base import Positioned, Versioned, new_id
from models.input_schemas import InputSchema, UpdateSchema
from services.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from services.query_engine.entity_types import Entity
from services.query_engine.query_model import QueryNode, RowSelection
from services.query_engine.rest_projection import default_row_selection
from services.unit_of_work import ColumnValues, ReadTransaction, WriteTransaction
from services.user_context import UserContext

MAX_BULK_SIZE = 500

Row = TypeVar("Row", bound=Versioned)
CreateInput = TypeVar("CreateInput", bound=InputSchema)
UpdateInput = TypeVar("UpdateInput", bound=UpdateSchema)
Result = TypeVar("Result")
ExpectedRevisions = frozenset[int] | None


def check_bulk_size(several: Sequence[object], pointer: str) -> None:
    """Raise InvalidInput if these are too many for one transaction."""
    if len(several) > MAX_BULK_SIZE:
        raise InvalidInput.at_pointer(pointer, f"At most {MAX_BULK_SIZE} at once.")


@dataclass(frozen=True, slots=True)
class CreateResult(Generic[Result]):
    """The row as it was selected. It is not new if an earlier try of the same request has created it."""

    row: Result
    row_id: str
    created: bool


class ResourceService(Generic[Row, CreateInput, UpdateInput]):
    """Rows of one table. Subclasses say which, and add their rules by overriding the private steps."""

    entity: ClassVar[Entity]
    table: type[Row]

    def __init__(self, context: UserContext) -> None:
        self.context = context

    def get(self, row_id: str, selection: RowSelection[Result | None]) -> Result:
        """Return the row. Raises NotFound."""
        with self.context.read_transaction() as snapshot:
            return self._read(snapshot, row_id, selection)

    def list_page(self, node: QueryNode[Result]) -> Result:
        """Return what the query node describes."""
        with self.context.read_transaction() as snapshot:
            return snapshot.read(node)

    def list_related(self, row_id: str, node: QueryNode[Result]) -> Result:
        """Return what the query node describes, if the row to which it belongs exists. Raises NotFound."""
        with self.context.read_transaction() as snapshot:
            self._read(snapshot, row_id, default_row_selection(self.entity))
            return snapshot.read(node)

    def create(self, new: CreateInput, selection: RowSelection[Result | None]) -> CreateResult[Result]:
        """Create a row. Raises InvalidInput, and Conflict where its id stands for other content."""
        with self.context.write_transaction() as transaction:
            row, is_new = self._create(transaction, new)
            return CreateResult(self._read(transaction, row.id, selection), row.id, is_new)

    def update(
        self, row_id: str, change: UpdateInput, selection: RowSelection[Result | None], revisions: ExpectedRevisions = None
    ) -> Result:
        """Change the members present. Raises NotFound, PreconditionFailed, InvalidInput."""
        with self.context.write_transaction() as transaction:
            row = self._get_or_raise(transaction, row_id)
            self._check_precondition(transaction, row, revisions, selection)
            self._update(transaction, row, change)
            return self._read(transaction, row_id, selection)

    def delete(self, row_id: str, revisions: ExpectedRevisions = None) -> None:
        """Delete the row, leaving a tombstone. Raises NotFound, PreconditionFailed."""
        with self.context.write_transaction() as transaction:
            row = self._get_or_raise(transaction, row_id)
            self._check_precondition(transaction, row, revisions)
            self._soft_delete(transaction, row)

    def _column_values(self, transaction: WriteTransaction, shape: InputSchema, row: Row | None) -> ColumnValues:
        """Return what the client said, as columns; `row` is None on creating, when null means left open."""
        return {
            name: value for name, value in shape.sent_fields().items() if name != "id" and (row is not None or value is not None)
        }

    def _default_values(self, transaction: WriteTransaction, values: ColumnValues) -> ColumnValues:
        """Return what the service decides where the client left it open."""
        if issubclass(self.table, Positioned) and "position" not in values:
            return {"position": transaction.next_position(self.table)}
        return {}

    def _write_relations(self, transaction: WriteTransaction, row: Row, shape: InputSchema) -> None:
        """Write what is not a column of the row; nothing, for most."""

    def _matches(self, transaction: WriteTransaction, row: Row, new: CreateInput, values: ColumnValues) -> bool:
        """Tell whether the row is what creating with these values would give."""
        return all(getattr(row, name) == value for name, value in values.items())

    def _soft_delete(self, transaction: WriteTransaction, row: Row) -> None:
        """Delete the row, and do to others what that entails."""
        transaction.update(row, {"deleted_at": transaction.now})

    def _flush(self, transaction: WriteTransaction) -> None:
        transaction.session.flush()

    def _create(self, transaction: WriteTransaction, new: CreateInput) -> tuple[Row, bool]:
        values = self._column_values(transaction, new, None)
        row_id: str | None = getattr(new, "id", None)
        existing = self._find_including_deleted(transaction, row_id) if row_id is not None else None
        if existing is None:
            everything = {"id": row_id or new_id(), **self._default_values(transaction, values), **values}
            row = transaction.add(self.table, everything)
            self._flush(transaction)
            self._write_relations(transaction, row, new)
            return row, True
        if existing.deleted_at is not None:
            raise Conflict(f"A {self.entity.display_name} with this id was deleted; take another id.")
        if not self._matches(transaction, existing, new, values):
            raise Conflict(f"A {self.entity.display_name} with this id exists already, with other content.")
        return existing, False

    def _update(self, transaction: WriteTransaction, row: Row, change: InputSchema) -> None:
        transaction.update(row, self._column_values(transaction, change, row))
        self._write_relations(transaction, row, change)
        self._flush(transaction)

    def _find_including_deleted(self, transaction: WriteTransaction, row_id: str) -> Row | None:
        statement = transaction.owned(self.table).where(col(self.table.id) == row_id)
        return transaction.session.scalars(statement).one_or_none()

    def _read(self, snapshot: ReadTransaction, row_id: str, selection: RowSelection[Result | None]) -> Result:
        result = snapshot.read(selection.for_ids(self.entity.name, row_id))
        if result is None:
            raise NotFound.for_resource(self.entity.display_name)
        return result

    def _get_or_raise(self, transaction: WriteTransaction, row_id: str) -> Row:
        row = transaction.find(self.table, row_id)
        if row is None:
            raise NotFound.for_resource(self.entity.display_name)
        return row

    def _get_all_or_raise(self, transaction: WriteTransaction, ids: Sequence[str]) -> list[Row]:
        """Return the rows in the order of the ids. Raises NotFound if one is missing, InvalidInput if there are too many."""
        check_bulk_size(ids, "/ids")
        rows = transaction.find_all(self.table, ids)
        missing = [row_id for row_id in ids if row_id not in rows]
        if missing:
            raise NotFound(f"There is no such {self.entity.display_name}: {', '.join(missing)}. Nothing was changed.")
        return [rows[row_id] for row_id in dict.fromkeys(ids)]

    def _check_precondition(
        self, transaction: WriteTransaction, row: Row, revisions: ExpectedRevisions, selection: RowSelection[object] | None = None
    ) -> None:
        """Raise PreconditionFailed, with the row as it is now, unless it has one of these revisions."""
        if revisions is not None and row.revision not in revisions:
            current: RowSelection[object] = selection or default_row_selection(self.entity)
            raise PreconditionFailed(transaction.read(current.for_ids(self.entity.name, row.id)))
