"""Limit on the concurrent requests of one user, so that nobody occupies all database connections.

A user's writes run one after another, and each one that waits for the previous one holds a connection of the pool.
"""

from asyncio import Semaphore
from typing import Self
from weakref import WeakValueDictionary


class Slot:
    """The right of one request to run."""

    __slots__ = ("_is_held", "_semaphore")

    def __init__(self, semaphore: Semaphore) -> None:
        self._semaphore = semaphore
        self._is_held = False

    async def __aenter__(self) -> Self:
        """Wait for a free slot."""
        await self._semaphore.acquire()
        self._is_held = True
        return self

    async def __aexit__(self, *_: object) -> None:
        """Release the slot if it is still held."""
        self.release()

    def release(self) -> None:
        """Release the slot; a second time does nothing."""
        if self._is_held:
            self._is_held = False
            self._semaphore.release()


class UserConcurrencyLimit:
    """Limits the requests of each user that run concurrently.

    Further requests wait in the order of arrival, without a thread or a database connection.
    """

    def __init__(self, max_concurrent: int) -> None:
        self._max_concurrent = max_concurrent
        self._semaphores: WeakValueDictionary[str, Semaphore] = WeakValueDictionary()

    def slot(self, user_id: str) -> Slot:
        """Return a slot of the user, to be entered."""
        semaphore = self._semaphores.get(user_id)
        if semaphore is None:
            semaphore = self._semaphores[user_id] = Semaphore(self._max_concurrent)
        return Slot(semaphore)
