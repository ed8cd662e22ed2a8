"""Backfill of a column in existing rows, in batches that are committed one by one.

A migration script declares `backfills`; models/migrate.py runs them before its `upgrade`. An earlier script has added
the column, so that no transaction locks a table while it rewrites all rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from models.row_level_security.policies import MAINTENANCE_ROLE

_BECOME_MAINTENANCE = text(f"SET LOCAL ROLE {MAINTENANCE_ROLE}")
_BECOME_OWNER = text("RESET ROLE")


class BackfillError(Exception):
    """Rows remain unfilled; the message is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """Backfill of one table.

    `unfilled` is the SQL condition of the rows to fill, on columns of the table. `fill` fills at most the given number of these
    rows and returns how many it filled. It runs as todo_maintenance, because row-level security hides all rows from the owner.
    """

    table: str
    unfilled: str
    fill: Callable[[Connection, int], int]
    batch_size: int = 1000

    def fill_batch(self, connection: Connection) -> bool:
        """Fill one batch; return False if no row was left."""
        connection.execute(_BECOME_MAINTENANCE)
        filled = self.fill(connection, self.batch_size)
        connection.execute(_BECOME_OWNER)
        return filled > 0

    def finish(self, connection: Connection) -> None:
        """Lock the table, fill the rows that were written meanwhile, and check that none remains. Raises BackfillError.

        The table stays locked until the end of the transaction. A constraint checks the rows, because row-level security does not
        apply to it: a query could miss rows.
        """
        connection.execute(text(f'LOCK TABLE "{self.table}" IN ACCESS EXCLUSIVE MODE'))
        while self.fill_batch(connection):
            pass
        try:
            connection.execute(
                text(f'ALTER TABLE "{self.table}" ADD CONSTRAINT ck_backfill CHECK (({self.unfilled}) IS NOT TRUE)')
            )
        except IntegrityError as error:
            raise BackfillError(f"the migration did not fill all rows of {self.table}: {self.unfilled}") from error
        connection.execute(text(f'ALTER TABLE "{self.table}" DROP CONSTRAINT ck_backfill'))
