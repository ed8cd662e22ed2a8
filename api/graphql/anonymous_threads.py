"""Threads of their own for the documents of anonymous clients, with one slot for each address.

Validation and introspection occupy the interpreter. Many threads that do so would delay all other requests, and one address could
occupy all of them.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from api.concurrency_limit import UserConcurrencyLimit
from services.errors import RateLimited

SLOTS_PER_ADDRESS = 1
MAX_PENDING = 20  # documents of one address, the running one included
_RETRY_AFTER = 1  # seconds

Result = TypeVar("Result")


class AnonymousThreads:
    """Thread pool with slots and a short queue for each address."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="anonymous")
        self._limit = UserConcurrencyLimit(SLOTS_PER_ADDRESS)
        self._pending: Counter[str] = Counter()

    async def run(self, network: str, function: Callable[[], Result]) -> Result:
        """Run a function in a thread, in a slot of the client's network. Raises RateLimited if too many are waiting."""
        if self._pending[network] >= MAX_PENDING:
            raise RateLimited(f"{MAX_PENDING} anonymous GraphQL documents of one address at the same time", _RETRY_AFTER)
        self._pending[network] += 1
        try:
            async with self._limit.slots(network):
                return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, function)
        finally:
            self._pending[network] -= 1
            if not self._pending[network]:
                del self._pending[network]
