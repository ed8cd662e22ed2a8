"""Hashing passwords. The one place that knows passlib."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from passlib.context import CryptContext

from services.errors import Unavailable

# OWASP Password Storage Cheat Sheet: argon2id with 19 MiB of memory, 2 iterations, 1 lane.
_MEMORY_KIB, _ITERATIONS, _LANES = 19456, 2, 1
Result = TypeVar("Result")

MAX_QUEUED = 32  # threads; more would keep all others from working


class PasswordHasher:
    """Makes and checks hashes; each takes about 25 ms of CPU and 19 MiB, so only so many are computed at once.

    Passwords come in the form in which models/field_types.py puts them.
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
        # Threads of their own: each keeps the memory of its last hash, so what is kept are these and not all the service's.
        self._threads = ThreadPoolExecutor(max_concurrent, thread_name_prefix="password")
        self._dummy_hash = self._run_limited(self._context.hash, "nobody's password")

    def hash(self, password: str) -> str:
        """Return the hash to store. Raises Unavailable where too many wait already."""
        hashed: str = self._run_limited(self._context.hash, password)
        return hashed

    def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Tell whether the password is right, and the hash to store instead if parameters have changed since.

        Without a stored hash the answer is no, after the same work, so that time does not tell who has an account. Raises
        Unavailable where too many wait already.
        """
        right, newer = self._run_limited(self._context.verify_and_update, password, stored or self._dummy_hash)
        return (right, newer) if stored else (False, None)

    def _run_limited(self, compute: Callable[..., Result], *arguments: str) -> Result:
        """Wait for one's turn, unless so many wait that it would take longer than a client likes to wait."""
        if not self._queue_slots.acquire(blocking=False):
            raise Unavailable("Too many people are logging in just now; try again in a moment.")
        try:
            return self._threads.submit(compute, *arguments).result()
        finally:
            self._queue_slots.release()
