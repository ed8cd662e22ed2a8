"""Deletion of accounts: one transaction that ends all access, and bounded steps that delete the rows.

The first transaction belongs to the user's request. It deletes the credentials and the revision counter, without which no
transaction of the user begins, and records the deletion. Each step is a short transaction, so that an account of any size
neither exceeds the statement timeout nor keeps locks. The last step deletes the account, and with it the record.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Table, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import SQLModel, col

from models.credentials import ApiToken, LoginSession
from models.database import Database, TransactionPreamble
from models.row_level_security.policies import DELETING_ACCOUNTS
from models.sql.execution import count_affected, driver_connection, fetch, run
from models.sql.statement import Statement
from models.tables import TABLES
from models.user import AccountDeletion, DeletedUser, User, UserRevision
from services.unit_of_work import WriteTransaction

MAX_ROWS = 1000  # that one step deletes

_FIND = Statement.parse("SELECT user_id FROM account_deletion ORDER BY requested_at, user_id LIMIT 1000")
# The lock excludes the steps of other processes. With a revision counter, an account could still write.
_LOCK = Statement.parse(
    "SELECT true FROM account_deletion WHERE user_id = %(user_id)s "
    "AND NOT EXISTS (SELECT FROM user_revision WHERE user_id = %(user_id)s) FOR UPDATE SKIP LOCKED"
)
_DELETE_ACCOUNT = Statement.parse('DELETE FROM "user" WHERE id = %(user_id)s')


@dataclass(frozen=True, slots=True)
class Step:
    """A committed step: the number of rows that it deleted or changed, and whether none remains."""

    rows: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class PendingDeletion:
    """A recorded deletion, whose rows are not all deleted yet."""

    user_id: str
    database: Database = field(compare=False, repr=False)

    def run_step(self, max_rows: int = MAX_ROWS) -> Step | None:
        """Delete the next rows; None if there is nothing to do here: another process runs a step, or has run the last one.

        Raises SQLAlchemy's errors.
        """
        user = {"user_id": self.user_id}
        with self.database.write(TransactionPreamble({"app.user_id": self.user_id}, [_LOCK], user)) as (connection, row):
            if row is None:
                return None
            driver, remaining = driver_connection(connection), max_rows
            for statement in _step_statements():
                remaining -= count_affected(driver, statement, {**user, "rows": remaining})
                if not remaining:
                    return Step(max_rows, is_last=False)
            run(driver, _DELETE_ACCOUNT, user)
            return Step(max_rows - remaining + 1, is_last=True)


def find_pending_deletions(database: Database) -> list[PendingDeletion]:
    """Return the pending deletions of all accounts, in the order of the requests. Raises SQLAlchemy's errors."""
    preamble = TransactionPreamble({DELETING_ACCOUNTS.setting: DELETING_ACCOUNTS.value}, [], {})
    with database.read(preamble) as (connection, _):
        return [PendingDeletion(user_id, database) for (user_id,) in fetch(connection, _FIND, {})]


def complete_pending_deletions(database: Database) -> tuple[int, int]:
    """Run all steps of all pending deletions; return how many were completed, and how many are left to other processes.

    Raises SQLAlchemy's errors.
    """
    completed = 0
    while pending := find_pending_deletions(database):
        completed_now = sum(_complete(deletion) for deletion in pending)
        if not completed_now:
            break
        completed += completed_now
    return completed, len(pending)


def _complete(deletion: PendingDeletion) -> bool:
    """Run the remaining steps; return whether the last one was among them."""
    step = deletion.run_step()
    while step is not None and not step.is_last:
        step = deletion.run_step()
    return step is not None


def begin_deletion(transaction: WriteTransaction) -> None:
    """End all access to the account, free its e-mail, and record the deletion. Later transactions of the user fail."""
    for table in (LoginSession, ApiToken, UserRevision):
        transaction.delete_where(table)
    account = update(User).where(col(User.id) == transaction.user_id)
    transaction.sql.execute(account.values(is_active=False, **_personal_data()))
    for record, time in ((DeletedUser, "deleted_at"), (AccountDeletion, "requested_at")):
        row = upsert(record).values({"user_id": transaction.user_id, time: transaction.now})
        transaction.sql.execute(row.on_conflict_do_update(index_elements=["user_id"], set_={time: transaction.now}))


@cache
def _personal_data() -> Mapping[str, Any]:
    """Return null for every column of an account that may be null: e-mail, name, password and all that may be added."""
    return {column.name: None for column in _table(User).columns if column.nullable}


@cache
def _step_statements() -> tuple[Statement, ...]:
    """Return the statements of a step, children before parents. Their values are `user_id` and the number of `rows`.

    They delete the rows of all tables that reference an account, except the record of the deletion. A row that refers to another
    one of its table is separated from it first: a cascade would delete any number of rows.
    """
    owned = {str(table.__tablename__) for table in TABLES} - {str(AccountDeletion.__tablename__)}
    tables = [
        table
        for table in reversed(SQLModel.metadata.sorted_tables)
        if table.name in owned and any(key.column.table.name == User.__tablename__ for key in table.foreign_keys)
    ]
    return tuple(Statement.parse(sql) for table in tables for sql in _table_statements(table))


def _table_statements(table: Table) -> Iterator[str]:
    rows = (
        f"WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table.name} WHERE user_id = %(user_id)s{{condition}} LIMIT %(rows)s)) "  # noqa: S608
        "AND user_id = %(user_id)s"
    )
    for reference in table.foreign_keys:
        if reference.column.table is table and reference.parent.name != "user_id":
            column = reference.parent.name
            yield f"UPDATE {table.name} SET {column} = NULL {rows.format(condition=f' AND {column} IS NOT NULL')}"  # noqa: S608
    yield f"DELETE FROM {table.name} {rows.format(condition='')}"  # noqa: S608


def _table(model: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]
