"""Slots of the users, and the database time that they use.

All transactions of a request share one slot of its user. A request never waits for a slot while it holds another.
"""

from asyncio import timeout
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from api.concurrency.database_times import DatabaseTimes
from api.concurrency.limit import RETRY_AFTER, ConcurrencyLimit, Slot
from models.sql.database_time import measure_database_time
from services.errors import RateLimited
from services.rate_limiting.limiter import RateLimiter

MAX_THREAD_WAIT = 1.0  # seconds that a thread waits for a slot

State = dict[str, Any]  # of an ASGI connection


class UserSlots:
    """Slots of all users of this process. A user has at most a quarter of the connections."""

    def __init__(self, pool_size: int, limiter: RateLimiter) -> None:
        self._times = DatabaseTimes(limiter)
        share = pool_size // 4
        reserved = min(1, share)  # connections for lookups before the user is known, and for background tasks
        self._limit = ConcurrencyLimit(pool_size - reserved, max(1, share), "requests of one user", self._times.load)

    @asynccontextmanager
    async def hold(self, state: State, user_id: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Hold a slot of the user in this block. Yields a function that releases it before. Raises RateLimited."""
        slot = await self.acquire(state, user_id)
        with measure_database_time() as timer:

            async def release() -> None:
                if slot is not None and slot.is_held:
                    await self.release(slot, timer.seconds)

            try:
                yield release
            finally:
                await release()

    async def acquire(self, state: State, user_id: str) -> Slot | None:
        """Return a slot of the user; None if the request holds one. Raises RateLimited.

        A request that holds a slot of another user gets one only if it is free.
        """
        held: Slot | None = state.get("slot")
        if held is not None and held.is_held:
            return None if held.caller == user_id else self._limit.acquire_free(user_id)
        self._times.check(user_id)
        state["slot"] = slot = await self._limit.acquire(user_id)
        return slot

    async def acquire_soon(self, state: State, user_id: str) -> Slot | None:
        """Return what `acquire` returns, for a thread, which should not wait for long."""
        try:
            async with timeout(MAX_THREAD_WAIT):
                return await self.acquire(state, user_id)
        except TimeoutError:
            raise RateLimited("concurrent requests of one user", RETRY_AFTER) from None

    async def release(self, slot: Slot, seconds: float) -> None:
        """Release a slot, after this much database time, and charge the time."""
        self._times.add(slot.caller, seconds)
        slot.release()
        await self._times.charge(slot.caller)
