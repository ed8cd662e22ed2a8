"""Limit on concurrent work, in total and for each caller, with a short queue for each caller.

A caller is a user, or the address of an anonymous client. Waiting needs neither a thread nor a database connection.
"""

from asyncio import CancelledError, Future, get_running_loop
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from services.errors import RateLimited

MAX_WAITING = 20  # for a slot of one caller
RETRY_AFTER = 1  # seconds


class Slot:
    """A slot that one caller holds, until it is released."""

    def __init__(self, limit: "ConcurrencyLimit", caller: str) -> None:
        self.caller = caller
        self._limit: ConcurrencyLimit | None = limit

    @property
    def is_held(self) -> bool:
        """Return whether the slot was not released yet."""
        return self._limit is not None

    def release(self) -> None:
        """Release the slot; do nothing if it was released before."""
        limit, self._limit = self._limit, None
        if limit is not None:
            limit._release(self.caller)  # noqa: SLF001 - only a slot can be released


@dataclass(slots=True)
class _Queue:
    """The slots in use of one caller, and those who wait for one, in the order of arrival."""

    used: int = 0
    waiting: deque[Future[None]] = field(default_factory=deque)


class ConcurrencyLimit:
    """Slots in total, of which one caller holds a few. Among the callers that wait, the one with the smallest load is first."""

    def __init__(self, slots: int, slots_per_caller: int, description: str, load: Callable[[str], float] = lambda _: 0.0) -> None:
        """Create the limit. `description` names the waiting requests of one caller, for errors."""
        self._free = slots
        self._slots_per_caller = slots_per_caller
        self._description = description
        self._load = load
        self._queues: dict[str, _Queue] = {}

    def acquire_free(self, caller: str) -> Slot:
        """Return a slot without waiting. Raises RateLimited if none is free."""
        queue = self._queues.get(caller, _Queue())
        if not self._free or queue.used >= self._slots_per_caller:
            raise self._rejection()
        self._queues[caller] = queue
        self._take(queue)
        return Slot(self, caller)

    async def acquire(self, caller: str) -> Slot:
        """Return a slot, after those who wait for one already. Raises RateLimited if too many of this caller wait."""
        queue = self._queues.setdefault(caller, _Queue())
        if len(queue.waiting) >= MAX_WAITING:
            raise self._rejection()
        turn: Future[None] = get_running_loop().create_future()
        queue.waiting.append(turn)
        self._assign_free()
        try:
            await turn
        except CancelledError:
            if turn.cancelled():
                with suppress(ValueError):  # it was removed in between
                    queue.waiting.remove(turn)
                self._discard_if_idle(caller)
            else:  # it was assigned before the cancellation arrived
                self._release(caller)
            raise
        return Slot(self, caller)

    def _take(self, queue: _Queue) -> None:
        queue.used += 1
        self._free -= 1

    def _release(self, caller: str) -> None:
        self._queues[caller].used -= 1
        self._free += 1
        self._assign_free()
        self._discard_if_idle(caller)

    def _assign_free(self) -> None:
        """Assign free slots to those who wait."""
        while self._free:
            ready = [caller for caller, queue in self._queues.items() if queue.waiting and queue.used < self._slots_per_caller]
            if not ready:
                return
            queue = self._queues[min(ready, key=self._load)]
            turn = queue.waiting.popleft()
            if not turn.cancelled():
                self._take(queue)
                turn.set_result(None)

    def _discard_if_idle(self, caller: str) -> None:
        queue = self._queues.get(caller)
        if queue is not None and not queue.used and not queue.waiting:
            del self._queues[caller]

    def _rejection(self) -> RateLimited:
        return RateLimited(f"{MAX_WAITING} waiting {self._description}", RETRY_AFTER)
