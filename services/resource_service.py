"""Base class of the resource services: read, idempotent create, update and delete with preconditions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from sqlmodel import col

from models.base import Positioned, Versioned, new_id
from models.schemas.input_schemas import InputSchema, UpdateSchema
from services.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from services.json_types import JsonObject
from services.preconditions import NO_PRECONDITIONS, ConditionalRead, EntityTag, Preconditions, TaggedResult
from services.query_engine.entity_types import Entity
from services.query_engine.query_model import QueryNode, RowSelection
from services.query_engine.rest_projection import default_row_selection
from services.query_engine.result_format import RowWithRevision
from services.unit_of_work import ColumnValues, ReadTransaction, WriteTransaction
from services.user_context import UserContext

MAX_BULK_SIZE = 500

Row = TypeVar("Row", bound=Versioned)
CreateInput = TypeVar("CreateInput", bound=InputSchema)
UpdateInput = TypeVar("UpdateInput", bound=UpdateSchema)
Result = TypeVar("Result")


def check_bulk_size(items: Sequence[object], pointer: str) -> None:
    """Raise InvalidInput if there are too many items for one transaction."""
    if len(items) > MAX_BULK_SIZE:
        raise InvalidInput.at_pointer(pointer, f"At most {MAX_BULK_SIZE} items per request.")


@contextmanager
def bulk_item(index: int, subject: str = "") -> Iterator[None]:
    """Point the errors of the block to an item of a bulk request; with a subject, such as "Task 01…: ", the texts name it."""
    try:
        yield
    except (InvalidInput, NotFound, Conflict, PreconditionFailed) as error:
        error.point_to_item(index, subject)
        raise


@dataclass(frozen=True, slots=True)
class CreateResult(Generic[Result]):
    """The selected fields of the row. `created` is False if an earlier attempt of the same request created it."""

    row: Result
    row_id: str
    created: bool


class ResourceService(Generic[Row, CreateInput, UpdateInput]):
    """Service for the rows of one table. Subclasses set the table and override the private steps to add their rules."""

    entity: ClassVar[Entity]
    table: type[Row]

    def __init__(self, context: UserContext) -> None:
        self.context = context

    def get(
        self, row_id: str, selection: RowSelection[RowWithRevision | None], conditional: ConditionalRead
    ) -> TaggedResult[JsonObject]:
        """Return the row. Raises NotFound, NotModified, PreconditionFailed."""
        if selection.is_composed:
            with self.context.read_transaction() as transaction:
                tag = self._composed_tag(transaction, conditional)
                row = self._read(transaction, row_id, selection)
        else:
            row = self._found(self.context.read(selection.for_ids(self.entity.name, row_id))[0])
            tag = EntityTag.of_revision(row.revision)
        conditional.preconditions.check_read(tag, row.row)
        return TaggedResult(row.row, tag)

    def list_page(self, node: QueryNode[Result], conditional: ConditionalRead) -> TaggedResult[Result]:
        """Return the result of the query node. Raises NotModified, PreconditionFailed."""
        if conditional.preconditions.is_empty:
            result, revision = self.context.read(node)
            return TaggedResult(result, conditional.composed_tag(revision))
        with self.context.read_transaction() as transaction:
            tag = self._composed_tag(transaction, conditional)
            result = transaction.read(node)
            conditional.preconditions.check_read(tag)
            return TaggedResult(result, tag)

    def list_related(self, row_id: str, node: QueryNode[Result], conditional: ConditionalRead) -> TaggedResult[Result]:
        """Return the result of a query node for rows related to this row.

        Raises NotFound if the row does not exist, NotModified, PreconditionFailed.
        """
        with self.context.read_transaction() as transaction:
            tag = self._composed_tag(transaction, conditional)
            self._read(transaction, row_id, default_row_selection(self.entity))
            result = transaction.read(node)
            conditional.preconditions.check_read(tag)
            return TaggedResult(result, tag)

    def create(
        self, new: CreateInput, selection: RowSelection[Result | None], preconditions: Preconditions = NO_PRECONDITIONS
    ) -> CreateResult[Result]:
        """Create a row.

        Raises InvalidInput, Conflict if its id belongs to a deleted row, another kind, or other content, and PreconditionFailed
        if the preconditions do not permit that it exists or does not.
        """
        with self.context.write_transaction() as transaction:
            if not preconditions.is_empty:
                row_id: str | None = getattr(new, "id", None)
                existing = None if row_id is None else transaction.find(self.table, row_id)
                self._check_preconditions(transaction, existing, preconditions, selection)
            row, is_new = self._create(transaction, new)
            return CreateResult(self._read(transaction, row.id, selection), row.id, is_new)

    def update(
        self,
        row_id: str,
        change: UpdateInput,
        selection: RowSelection[Result | None],
        preconditions: Preconditions = NO_PRECONDITIONS,
    ) -> Result:
        """Update the fields that were sent. Raises NotFound, PreconditionFailed, InvalidInput."""
        with self.context.write_transaction() as transaction:
            row = self._get_or_raise(transaction, row_id)
            self._check_preconditions(transaction, row, preconditions, selection)
            self._update(transaction, row, change)
            return self._read(transaction, row_id, selection)

    def delete(self, row_id: str, preconditions: Preconditions = NO_PRECONDITIONS) -> None:
        """Delete the row, leaving a tombstone. Raises NotFound, PreconditionFailed."""
        with self.context.write_transaction() as transaction:
            row = self._get_or_raise(transaction, row_id)
            self._check_preconditions(transaction, row, preconditions)
            self._soft_delete(transaction, row)

    def _column_values(self, transaction: WriteTransaction, data: InputSchema, row: Row | None) -> ColumnValues:
        """Return the column values that the client sent; on create (`row` is None), null counts as not sent."""
        return {
            name: value for name, value in data.sent_fields().items() if name != "id" and (row is not None or value is not None)
        }

    def _default_values(self, transaction: WriteTransaction, values: ColumnValues) -> ColumnValues:
        """Return the values of columns that the client did not set on create."""
        if issubclass(self.table, Positioned) and "position" not in values:
            return {"position": transaction.next_position(self.table)}
        return {}

    def _write_relations(self, transaction: WriteTransaction, row: Row, data: InputSchema) -> None:
        """Write the row's relations that are not columns; most tables have none."""

    def _matches(self, transaction: WriteTransaction, row: Row, new: CreateInput, values: ColumnValues) -> bool:
        """Return whether the row equals the one that these values would create."""
        return all(getattr(row, name) == value for name, value in values.items())

    def _soft_delete(self, transaction: WriteTransaction, row: Row) -> None:
        """Delete the row, and update or delete the rows that depend on it."""
        transaction.update(row, {"deleted_at": transaction.now})

    def _flush(self, transaction: WriteTransaction) -> None:
        transaction.session.flush()

    def _create(self, transaction: WriteTransaction, new: CreateInput) -> tuple[Row, bool]:
        values = self._column_values(transaction, new, None)
        row_id: str | None = getattr(new, "id", None)
        existing = self._find_by_own_id(transaction, row_id) if row_id is not None else None
        if existing is None:
            column_values = {"id": row_id or new_id(), **self._default_values(transaction, values), **values}
            row = transaction.add(self.table, column_values)
            self._flush(transaction)
            self._write_relations(transaction, row, new)
            return row, True
        if existing.deleted_at is not None:
            raise Conflict.at_pointer("/id", f"This id belongs to a deleted {self.entity.display_name}; use another id.")
        if not self._matches(transaction, existing, new, values):
            detail = f"A {self.entity.display_name} with this id already exists with different content."
            raise Conflict.at_pointer("/id", detail)
        return existing, False

    def _update(self, transaction: WriteTransaction, row: Row, change: InputSchema) -> None:
        transaction.update(row, self._column_values(transaction, change, row))
        self._write_relations(transaction, row, change)
        self._flush(transaction)

    def _find_by_own_id(self, transaction: WriteTransaction, row_id: str) -> Row | None:
        """Return the row, deleted or not, that has the id a client generated. Raises Conflict if only other entities have it."""
        entities = transaction.entities_of_id(row_id)
        if entities and self.entity not in entities:
            raise Conflict(f"This id belongs to a {entities[0].display_name}; use another id.")
        return self._find_including_deleted(transaction, row_id) if entities else None

    def _find_including_deleted(self, transaction: WriteTransaction, row_id: str) -> Row | None:
        statement = transaction.owned(self.table).where(col(self.table.id) == row_id)
        return transaction.session.scalars(statement).one_or_none()

    def _read(self, transaction: ReadTransaction, row_id: str, selection: RowSelection[Result | None]) -> Result:
        return self._found(transaction.read(selection.for_ids(self.entity.name, row_id)))

    def _found(self, result: Result | None) -> Result:
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
        missing = {f"/{index}/id": row_id for index, row_id in enumerate(ids) if row_id not in rows}
        if missing:
            raise NotFound.for_ids(self.entity.display_name, missing)
        return [rows[row_id] for row_id in dict.fromkeys(ids)]

    def _composed_tag(self, transaction: ReadTransaction, conditional: ConditionalRead) -> EntityTag:
        """Return the tag of a response that is composed of rows of this user.

        Raises NotModified if the client has it, before any row is read; Forbidden if the token does not permit to read rows.
        """
        transaction.require_read_scope(self.entity.name)
        tag = conditional.composed_tag(transaction.revision)
        conditional.preconditions.check_unmodified(tag)
        return tag

    def _check_preconditions(
        self,
        transaction: WriteTransaction,
        row: Row | None,
        preconditions: Preconditions,
        selection: RowSelection[object] | None = None,
    ) -> None:
        """Raise PreconditionFailed, with the current row, unless the row (None: there is none) may be written."""
        failure = preconditions.find_failure(None if row is None else EntityTag.of_revision(row.revision))
        if failure is not None:
            raise PreconditionFailed(None if row is None else self._current(transaction, row, selection), failure)

    def _current(self, transaction: WriteTransaction, row: Row, selection: RowSelection[object] | None) -> object:
        """Return the selected fields of the row; of a deleted row its id and revision."""
        if row.deleted_at is not None:
            return {"id": row.id, "deleted": True, "revision": row.revision}
        current: RowSelection[object] = selection or default_row_selection(self.entity)
        return transaction.read(current.for_ids(self.entity.name, row.id))
