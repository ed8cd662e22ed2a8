"""Last use of sessions and API tokens: collected in memory, and written by one task in each process, at most once a minute.

Requests do not wait for it, and it does not wait for them: a write takes no lock of the user, and skips a row that is locked.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from threading import Lock
from time import monotonic
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from models.credentials import ApiToken, Credential, LoginSession
from models.database import Database, TransactionPreamble
from models.sql.statement import Statement
from services.auth.claims import Identity

INTERVAL = 60.0  # seconds between two writes; the precision of `last_used_at`
MAX_USED = 10_000  # credentials in memory; if more are used within the interval, the uses of the first ones are not written
_log = logging.getLogger("todo.last_use")

# The age is subtracted from the clock of the database: the clocks of processes may differ.
_SQL = (
    "UPDATE {table} SET last_used_at = greatest(last_used_at, created_at, now() - make_interval(secs => %(age)s)) "
    "WHERE user_id = %(user_id)s "
    "AND id = (SELECT id FROM {table} WHERE user_id = %(user_id)s AND id = %(id)s FOR UPDATE SKIP LOCKED)"
)
_UPDATES: dict[type[Credential], Statement] = {
    table: Statement.parse(_SQL.format(table=table.__tablename__)) for table in (ApiToken, LoginSession)
}


class _UsedCredential(NamedTuple):
    user_id: str
    table: type[Credential]
    id: str


class LastUse:
    """Records uses, and writes them in one task while `run` is entered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._used: dict[_UsedCredential, float] = {}  # the time of the last use, of the monotonic clock
        self._lock = Lock()

    def record(self, identity: Identity) -> None:
        """Record that the credential of a token is used now. A token of an external issuer has none."""
        authorization = identity.authorization
        if authorization.credential_type is not None and authorization.credential_id is not None:
            self._record(
                _UsedCredential(identity.user_id, authorization.credential_type, authorization.credential_id), monotonic()
            )

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Write in a task. On exit, write what is left."""
        stopped = asyncio.Event()
        task = asyncio.create_task(self._work(stopped), name="last-use")
        try:
            yield
        finally:
            stopped.set()
            await asyncio.wait([task])

    def write(self) -> None:
        """Write what is recorded, each credential in a transaction of its own. If it fails, keep the rest for the next write."""
        with self._lock:
            used, self._used = self._used, {}
        while used:
            credential, used_at = next(iter(used.items()))
            del used[credential]
            try:
                self._write_one(credential, used_at)
            except SQLAlchemyError:
                _log.warning("last use of sessions and API tokens not written, will be retried")
                for unwritten, time in (*used.items(), (credential, used_at)):
                    self._record(unwritten, time)
                return

    async def _work(self, stopped: asyncio.Event) -> None:
        while not stopped.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await stopped.wait()
            await asyncio.to_thread(self.write)

    def _record(self, credential: _UsedCredential, used_at: float) -> None:
        with self._lock:
            self._used[credential] = max(used_at, self._used.get(credential, used_at))
            if len(self._used) > MAX_USED:
                del self._used[next(iter(self._used))]

    def _write_one(self, credential: _UsedCredential, used_at: float) -> None:
        values = {"user_id": credential.user_id, "id": credential.id, "age": monotonic() - used_at}
        preamble = TransactionPreamble({"app.user_id": credential.user_id}, [_UPDATES[credential.table]], values)
        with self._database.write(preamble):
            pass
