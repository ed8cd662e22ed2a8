"""Worker that deletes the rows of deleted accounts in the background: one task in each process, one step at a time.

It looks for pending deletions at the start, when this process records one, and at an interval, so that a deletion continues after
a crash. Several processes may do so concurrently: a step skips an account on which another process works.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from models.database import Database
from services.accounts.deletion import MAX_ROWS, PendingDeletion, find_pending_deletions

_MIN_ROWS = 10  # of a step after failures
_MAX_DOUBLINGS = 16
_FINDING = ""  # key of failures to find pending deletions; no user has this id
_log = logging.getLogger("todo.account_deletion")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class WorkerSchedule:
    """Times of the worker, in seconds."""

    interval: float = 3600  # between two searches for pending deletions, if none is known
    min_pause: float = 0.01  # between two steps; a pause lasts as long as the step before it
    max_pause: float = 1
    retry_delay: float = 1  # after a failed step, doubled with each further one
    max_retry_delay: float = 300
    recheck_delay: float = 10  # until an account on which another process works is looked at again


@dataclass(slots=True)
class _Failures:
    """Consecutive failures, and the time before which there is no further attempt."""

    count: int = 0
    retry_at: float = 0


class DeletionWorker:
    """Runs the steps of all pending deletions in one task while `run` is entered."""

    def __init__(self, database: Database, schedule: WorkerSchedule | None = None) -> None:
        self._database = database
        self._schedule = schedule or WorkerSchedule()
        self._failures: dict[str, _Failures] = {}
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def wake(self) -> None:
        """Look for pending deletions immediately. Called by any thread, after a deletion was recorded."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was closed in between
                self._loop.call_soon_threadsafe(self._woken.set)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Work in a task. On exit, stop the task after its current step."""
        self._loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._work(), name="account-deletion")
        try:
            yield
        finally:
            self._loop = None
            task.cancel()
            await asyncio.wait([task])

    async def _work(self) -> None:
        while True:
            self._woken.clear()
            delay = await self._run_steps()
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._woken.wait()

    async def _run_steps(self) -> float:
        """Run one step of each pending deletion; return the delay until the next call."""
        pending = await self._attempt(_FINDING, lambda: find_pending_deletions(self._database)) or []
        self._forget_failures({deletion.user_id for deletion in pending} | {_FINDING})
        has_progress = False
        for deletion in pending:
            has_progress |= await self._run_step(deletion)
        if has_progress:
            return 0
        return self._next_delay(is_pending=bool(pending))

    async def _run_step(self, deletion: PendingDeletion) -> bool:
        """Run one step, unless the last one failed recently; then pause as long as it took. Return whether rows were deleted."""
        started = monotonic()
        max_rows = max(_MIN_ROWS, MAX_ROWS >> self._failures.get(deletion.user_id, _Failures()).count)
        step = await self._attempt(deletion.user_id, lambda: deletion.run_step(max_rows))
        if step is None:
            return False
        if step.is_last:
            _log.info("account deleted", extra={"user_id": deletion.user_id})
        await asyncio.sleep(min(max(monotonic() - started, self._schedule.min_pause), self._schedule.max_pause))
        return True

    async def _attempt(self, key: str, action: Callable[[], Result]) -> Result | None:
        """Run the action in a thread, unless its last failure is too recent. Log only the first of consecutive failures."""
        failures = self._failures.get(key)
        if failures is not None and monotonic() < failures.retry_at:
            return None
        try:
            result = await _run_in_thread(action)
        except SQLAlchemyError as error:
            self._record_failure(key, error)
            return None
        self._failures.pop(key, None)
        return result

    def _record_failure(self, key: str, error: SQLAlchemyError) -> None:
        failures = self._failures.setdefault(key, _Failures())
        if not failures.count:
            cause = str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]
            _log.warning("account deletion failed, will be retried: %s", cause, extra={"user_id": key or None})
        delay = self._schedule.retry_delay * 2.0 ** min(failures.count, _MAX_DOUBLINGS)
        failures.retry_at = monotonic() + min(self._schedule.max_retry_delay, delay)
        failures.count += 1

    def _forget_failures(self, pending: set[str]) -> None:
        self._failures = {key: failures for key, failures in self._failures.items() if key in pending}

    def _next_delay(self, *, is_pending: bool) -> float:
        """Return the time until the next attempt of a failed action, or until it is time to look again."""
        delays = [max(0.0, failures.retry_at - monotonic()) for failures in self._failures.values()]
        return min([self._schedule.recheck_delay if is_pending else self._schedule.interval, *delays])


async def _run_in_thread(action: Callable[[], Result]) -> Result:
    """Run the action in a thread. If the task is cancelled, wait for its end first: it holds a connection."""
    call = asyncio.ensure_future(asyncio.to_thread(action))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        await asyncio.wait([call])
        raise
