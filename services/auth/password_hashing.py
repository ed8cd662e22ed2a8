"""Password hashing with argon2id. The only module that uses passlib."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import BoundedSemaphore, get_native_id
from typing import TypeVar

from passlib.context import CryptContext

from services.errors import Unavailable

# OWASP Password Storage Cheat Sheet: argon2id with 19 MiB of memory, 2 iterations, 1 lane.
_MEMORY_KIB, _ITERATIONS, _LANES = 19456, 2, 1
Result = TypeVar("Result")

_NICENESS = 10

MAX_QUEUED = 32  # waiting calls, each of which blocks a worker thread; more would starve other requests


class PasswordHasher:
    """Hashes and verifies passwords. A hash takes about 25 ms of CPU and 19 MiB, so the concurrency is limited.

    Passwords must be normalized as in models/schemas/field_types.py.
    """

    def __init__(self, max_concurrent: int) -> None:
        self._context = CryptContext(
            schemes=["argon2"],
            argon2__type="ID",
            argon2__memory_cost=_MEMORY_KIB,
            argon2__time_cost=_ITERATIONS,
            argon2__parallelism=_LANES,
        )
        self._queue_slots = BoundedSemaphore(max_concurrent + MAX_QUEUED)
        # Separate threads: a thread retains the memory of its last hash, which must not happen to every worker thread.
        self._threads = ThreadPoolExecutor(max_concurrent, thread_name_prefix="password", initializer=_lower_priority)
        self._dummy_hash = self._run_limited(self._context.hash, "password of no user")

    def hash(self, password: str) -> str:
        """Return the hash to store. Raises Unavailable if too many calls are waiting."""
        hashed: str = self._run_limited(self._context.hash, password)
        return hashed

    def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Return whether the password matches, and a new hash to store if the hashing parameters have changed.

        Without a stored hash, return False after the same work, so that the response time does not reveal who has an account.
        Raises Unavailable if too many calls are waiting.
        """
        is_correct, rehashed = self._run_limited(self._context.verify_and_update, password, stored or self._dummy_hash)
        return (is_correct, rehashed) if stored else (False, None)

    def _run_limited(self, compute: Callable[..., Result], *arguments: str) -> Result:
        """Run the function in a hashing thread. Raises Unavailable if too many calls are waiting."""
        if not self._queue_slots.acquire(blocking=False):
            raise too_many_logins()
        try:
            return self._threads.submit(compute, *arguments).result()
        finally:
            self._queue_slots.release()


def _lower_priority() -> None:
    """Give all other threads priority. Hashing computes without the interpreter lock, so it delays no thread that needs it."""
    with suppress(OSError):  # a system where threads have no priority of their own
        os.setpriority(os.PRIO_PROCESS, get_native_id(), _NICENESS)


def too_many_logins() -> Unavailable:
    """Return the error of a login or registration for which all queues are full."""
    return Unavailable("Too many concurrent logins; retry shortly.")
