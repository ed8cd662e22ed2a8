"""Threads for logins and registrations, so that a burst of them delays neither the requests nor the transactions of others."""

from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from services.auth.password_hashing import MAX_QUEUED, too_many_logins

Result = TypeVar("Result")


class LoginThreads:
    """Few threads with a short queue: one more than hash passwords, so that these are busy during a burst."""

    def __init__(self, max_concurrent_hashes: int) -> None:
        size = max_concurrent_hashes + 1
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="login")
        self._free_slots = size + MAX_QUEUED

    async def run(self, function: Callable[[], Result]) -> Result:
        """Return the result of the function. Raises Unavailable immediately if too many calls are waiting."""
        if not self._free_slots:
            raise too_many_logins()
        self._free_slots -= 1
        try:
            return await get_running_loop().run_in_executor(self._threads, copy_context().run, function)
        finally:
            self._free_slots += 1
