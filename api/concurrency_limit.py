"""Limit on the concurrent requests of one user, so that nobody occupies all database connections.

A user's writes run one after another, and each one that waits for the previous one holds a connection of the pool.
"""

from asyncio import Semaphore
from weakref import WeakValueDictionary


class UserConcurrencyLimit:
    """Gives each user the same number of slots, one for each request that runs.

    Further requests wait in the order of arrival, without a thread or a database connection.
    """

    def __init__(self, slots_per_user: int) -> None:
        self._slots_per_user = slots_per_user
        self._semaphores: WeakValueDictionary[str, Semaphore] = WeakValueDictionary()

    def slots(self, user_id: str) -> Semaphore:
        """Return the slots of the user. They are forgotten once no request refers to them."""
        semaphore = self._semaphores.get(user_id)
        if semaphore is None:
            semaphore = self._semaphores[user_id] = Semaphore(self._slots_per_user)
        return semaphore
