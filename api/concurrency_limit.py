"""Limit on the concurrent requests of one user, so that one user cannot occupy all database connections.

The writes of a user run one after another, and each waiting write holds a connection of the pool.
"""

from asyncio import Semaphore
from weakref import WeakValueDictionary


class UserConcurrencyLimit:
    """Semaphores with the same number of slots for each user; each running request holds one slot.

    Further requests wait in the order of arrival, without a thread or a database connection.
    """

    def __init__(self, slots_per_user: int) -> None:
        self._slots_per_user = slots_per_user
        self._semaphores: WeakValueDictionary[str, Semaphore] = WeakValueDictionary()

    def slots(self, user_id: str) -> Semaphore:
        """Return the semaphore of the user. It is discarded when no request refers to it any more."""
        semaphore = self._semaphores.get(user_id)
        if semaphore is None:
            semaphore = self._semaphores[user_id] = Semaphore(self._slots_per_user)
        return semaphore
