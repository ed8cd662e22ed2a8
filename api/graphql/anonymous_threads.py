"""Threads of their own for the documents of anonymous clients, with one slot for each address.

Validation and introspection occupy the interpreter. Many threads that do so would delay all other requests, and one address could
occupy all of them.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from api.concurrency.limit import ConcurrencyLimit

SLOTS_PER_ADDRESS = 1

Result = TypeVar("Result")


class AnonymousThreads:
    """Thread pool with slots and a short queue for each address."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="anonymous")
        self._limit = ConcurrencyLimit(threads, SLOTS_PER_ADDRESS, "anonymous GraphQL documents of one address")

    async def run(self, network: str, function: Callable[[], Result]) -> Result:
        """Run a function in a thread, in a slot of the client's network. Raises RateLimited if too many are waiting."""
        slot = await self._limit.acquire(network)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, function)
        finally:
            slot.release()
