"""Transactions of a user: reads through the query engine, and writes to the user's rows.

Only services/user_context.py opens them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from math import floor
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Select,
    TableValuedAlias,
    cast,
    column,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.pool import PoolProxiedConnection
from sqlmodel import Session, col

from models.base import Owned, Positioned, Versioned
from models.columns import table_of, with_computed_columns
from models.credentials import Credential
from models.schemas.field_types import MAX_POSITION
from models.scopes import Scope
from models.sql.execution import fetch, run
from models.sql.statement import Statement
from services.authorization import Authorization
from services.database_errors import translate_database_errors
from services.errors import NotFound
from services.query_engine.compiled_statement import compile_statement, user_id_param
from services.query_engine.entity_registry import ACCOUNT
from services.query_engine.entity_types import Entity
from services.query_engine.execution.budget import Budget
from services.query_engine.execution.executor import execute
from services.query_engine.execution.node_lookup import find_entities_by_ids
from services.query_engine.query_model import QueryNode, RowSelection
from services.query_engine.result_format import Result_co

OwnedRow = TypeVar("OwnedRow", bound=Owned)
Row = TypeVar("Row", bound=Versioned)
ColumnValues = dict[str, Any]  # values of different types
Result = TypeVar("Result")
CredentialRow = TypeVar("CredentialRow", bound=Credential)

# Scopes required to read an entity, other than the default.
_READ_SCOPES = {ACCOUNT.name: Scope.ACCOUNT}

_UPDATE_REVISION = Statement.parse(
    "UPDATE user_revision SET revision = %(revision)s, stamped_at = %(now)s WHERE user_id = %(user_id)s"
)


def require_read_scope(authorization: Authorization, entity: str) -> None:
    """Raise Forbidden if the token does not permit to read rows of this entity."""
    authorization.require_scope(_READ_SCOPES.get(entity, Scope.TASKS_READ))


@cache
def _active_credentials_sql(table: type[Credential]) -> Statement:
    """Compile the query of a user's active credentials, last used first; unused ones are sorted by their creation."""
    used_at = func.coalesce(col(table.last_used_at), col(table.created_at))
    conditions = col(table.user_id) == user_id_param(), col(table.expires_at) > func.now()
    return compile_statement(select(*table.__table__.columns).where(*conditions).order_by(used_at.desc(), col(table.id)))  # type: ignore[attr-defined]


@cache
def _max_position_sql(table: type[Positioned]) -> Statement:
    conditions = col(table.user_id) == user_id_param(), col(table.deleted_at).is_(None)
    return compile_statement(select(func.max(col(table.position))).where(*conditions))


def _unnest(table: type[Row], values: Mapping[str, Sequence[Any]]) -> TableValuedAlias:
    """Return new values of columns as the rows of a table."""
    columns = [table_of(table).c[name] for name in values]
    arrays = (cast(values[each.name], ARRAY(each.type)) for each in columns)
    names = (column(each.name, each.type) for each in columns)
    return func.unnest(*arrays).table_valued(*names, name="new").render_derived()


def _differing_values(row: Versioned, values: ColumnValues) -> ColumnValues:
    """Return the values that differ from those of the row, with the columns computed from them."""
    differing = {name: value for name, value in values.items() if getattr(row, name) != value}
    return with_computed_columns(type(row), differing, row)


@dataclass(slots=True)
class ReadTransaction:
    """Read transaction: a consistent snapshot of the user's data, at one revision.

    `now` is the time of all that it writes; within a user, it never goes back from one revision to the next.
    All reads of a request share one `budget`, and together may take `statement_timeout` seconds, as long as a single statement.
    """

    user_id: str
    authorization: Authorization
    connection: PoolProxiedConnection
    revision: int
    now: datetime
    budget: Budget
    statement_timeout: float

    def require_read_scope(self, entity: str) -> None:
        """Raise Forbidden if the token does not permit to read rows of this entity."""
        require_read_scope(self.authorization, entity)

    def read(self, node: QueryNode[Result_co]) -> Result_co:
        """Return the result of the query node, in its result format.

        Raises Forbidden if the token lacks the scope, QueryTooComplex if the read exceeds the budget or its time limit,
        InvalidInput if a value is out of range for the database.
        """
        self.require_read_scope(node.entity)
        self.budget.start_timer(self.statement_timeout)
        with translate_database_errors():
            return execute(partial(fetch, self.connection), self.user_id, node, self.budget)

    def read_account(self, selection: RowSelection[Result | None]) -> Result:
        """Return the user's account. Raises NotFound if it was deleted, Forbidden if the token lacks the scope."""
        account = self.read(selection.for_ids(ACCOUNT.name, self.user_id))
        if account is None:
            raise NotFound.for_resource(ACCOUNT.display_name)
        return account

    def active_credentials(self, table: type[CredentialRow]) -> list[CredentialRow]:
        """Return the user's active credentials of this table. Raises Forbidden if the token lacks the scope."""
        self.authorization.require_scope(Scope.ACCOUNT)
        names = table.__table__.columns.keys()  # type: ignore[attr-defined]
        rows = fetch(self.connection, _active_credentials_sql(table), {"user_id": self.user_id})
        return [table(**dict(zip(names, row, strict=True))) for row in rows]


@dataclass(slots=True)
class WriteTransaction(ReadTransaction):
    """Write transaction. It locks the user's revision counter, so that the writes of one user are serialized."""

    sql: Connection = field(kw_only=True)
    session: Session = field(kw_only=True)
    _has_next_revision: bool = False
    _entities_of_ids: dict[str, Sequence[Entity]] = field(default_factory=dict)

    def next_revision(self) -> int:
        """Return the revision of this transaction, which all rows that it writes share; assign it on the first call."""
        if not self._has_next_revision:
            self.revision += 1
            run(self.connection, _UPDATE_REVISION, {"revision": self.revision, "now": self.now, "user_id": self.user_id})
            self._has_next_revision = True
        return self.revision

    def owned(self, table: type[OwnedRow]) -> Select[OwnedRow]:
        """Return a query for the user's rows of this table, deleted ones included."""
        return select(table).where(col(table.user_id) == self.user_id)

    def active(self, table: type[Row]) -> Select[Row]:
        """Return a query for the user's rows of this table that are not deleted."""
        return self.owned(table).where(col(table.deleted_at).is_(None))

    def find(self, table: type[Row], row_id: str) -> Row | None:
        """Return the active row; None if it does not exist, is deleted or belongs to another user."""
        return self.session.scalars(self.active(table).where(col(table.id) == row_id)).one_or_none()

    def find_all(self, table: type[Row], ids: Sequence[str]) -> dict[str, Row]:
        """Return the active rows with these ids, by id."""
        return {row.id: row for row in self.session.scalars(self.active(table).where(col(table.id).in_(ids)))}

    def existing_ids(self, table: type[Row], ids: Sequence[str]) -> set[str]:
        """Return the ids of active rows among these ids."""
        active = self.active(table).where(col(table.id).in_(ids))
        return set(self.session.scalars(active.with_only_columns(col(table.id))))

    def load_entities_of_ids(self, ids: Sequence[str]) -> None:
        """Load the entities of several ids in one statement, for `entities_of_id`."""
        if ids:
            self._entities_of_ids.update(find_entities_by_ids(self.connection, self.user_id, ids))

    def entities_of_id(self, row_id: str) -> Sequence[Entity]:
        """Return the entities that have a row of the user with this id, deleted or not."""
        if row_id not in self._entities_of_ids:
            self.load_entities_of_ids([row_id])
        return self._entities_of_ids[row_id]

    def next_position(self, table: type[Positioned]) -> float:
        """Return a position after those of all other active rows; at the maximum, their ids decide the order."""
        ((highest,),) = fetch(self.connection, _max_position_sql(table), {"user_id": self.user_id})
        return min(float(floor(highest or 0) + 1), MAX_POSITION)

    def set_positions(self, table: type[Positioned], positions: Mapping[str, float]) -> None:
        """Set the positions of rows by their ids, in one statement. Rows that have them already keep their revision."""
        new = _unnest(table, {"id": list(positions), "position": list(positions.values())})
        self.update_where(table, col(table.id) == new.c.id, col(table.position) != new.c.position, position=new.c.position)

    def add(self, table: type[Row], values: ColumnValues) -> Row:
        """Insert a row of the user, with the next revision."""
        row = table(
            user_id=self.user_id,
            created_at=self.now,
            updated_at=self.now,
            revision=self.next_revision(),
            deleted_at=None,
            **with_computed_columns(table, values),
        )
        self.session.add(row)
        self._entities_of_ids.pop(row.id, None)  # a bulk creation may repeat an id
        return row

    def bulk_insert(self, table: type[OwnedRow], rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows of the user into a table without revisions."""
        self.sql.execute(insert(table), [{"user_id": self.user_id, **row} for row in rows])

    def delete_where(self, table: type[OwnedRow], *conditions: ColumnElement[bool]) -> int:
        """Delete rows permanently, without a tombstone; return their number."""
        return self.sql.execute(delete(table).where(col(table.user_id) == self.user_id, *conditions)).rowcount

    def delete_returning(self, table: type[OwnedRow], returned: str, *conditions: ColumnElement[bool]) -> set[str]:
        """Delete rows permanently, without a tombstone; return the distinct values of their column `returned`."""
        statement = delete(table).where(col(table.user_id) == self.user_id, *conditions)
        return set(self.sql.scalars(statement.returning(table.__table__.c[returned])))  # type: ignore[attr-defined]

    def update_where(self, table: type[Row], *conditions: ColumnElement[bool], **values: Any) -> list[str]:
        """Update all rows that match the conditions, bump their revision, and return their ids. Loaded rows change too."""
        version = {"revision": self.next_revision(), "updated_at": self.now}
        statement = update(table).where(col(table.user_id) == self.user_id, *conditions).values(**version, **values)
        return list(self.session.scalars(statement.returning(col(table.id))))

    def update(self, row: Versioned, values: ColumnValues) -> bool:
        """Set the values that differ and bump the revision; return whether any did. Equal values assign no revision."""
        differing = _differing_values(row, values)
        for name, value in differing.items():
            setattr(row, name, value)
        if differing:
            self.bump_revision(row)
        return bool(differing)

    def update_all(self, table: type[Row], changes: Iterable[tuple[Row, ColumnValues]]) -> None:
        """Set the values of several rows, in one statement. Rows that have them already keep their revision."""
        differing = [(row, values) for row, new in changes if (values := _differing_values(row, new))]
        if not differing:
            return
        version = {"revision": self.next_revision(), "updated_at": self.now}
        names = dict.fromkeys(name for _, values in differing for name in values)
        written = {name: [values.get(name, getattr(row, name)) for row, values in differing] for name in names}
        new = _unnest(table, {"id": [row.id for row, _ in differing], **written})
        statement = update(table).where(col(table.user_id) == self.user_id, col(table.id) == new.c.id)
        statement = statement.values(**version, **{name: new.c[name] for name in names})
        self.session.execute(statement, execution_options={"synchronize_session": False})
        for row, values in differing:
            for name, value in {**version, **values}.items():
                set_committed_value(row, name, value)

    def bump_revision(self, row: Versioned) -> None:
        """Assign the next revision to a row, also if only related data changed, such as its tags."""
        row.revision, row.updated_at = self.next_revision(), self.now
