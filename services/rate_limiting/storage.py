"""Counting: in this process, or in a Redis that several processes share. Where Redis is away, in this process meanwhile."""

import logging
from collections.abc import Callable
from threading import Lock
from time import monotonic, time
from typing import NamedTuple, Protocol, TypeVar

from anyio import CapacityLimiter
from limits.storage import RedisStorage

from services.rate_limiting.windows import WindowStorage

ANSWERS_WITHIN = 0.2  # seconds; a store of counts that takes longer is away
TRIED_AGAIN_AFTER = 5.0  # seconds
THREADS = 8  # of their own: who waits for Redis keeps none from those who wait for the database

log = logging.getLogger("todo.limits")

Answer = TypeVar("Answer")


class Count(NamedTuple):
    """How a window stands: what is taken, and in how many seconds the oldest of it leaves.

    `wait` is in how many seconds there is room for what was asked for; None where there was.
    """

    taken: int
    resets_in: float
    wait: float | None = None


class Store(Protocol):
    """What both storages can do. All but the first is as the library defines it."""

    def take(self, key: str, limit: int, expiry: int, amount: int) -> tuple[bool, float, int]:
        """Take so many units, or none; tell which, when the oldest was taken, and how many there are now."""

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return when the oldest of the newest `limit` units was taken, and how many there are."""

    def clear(self, key: str) -> None:
        """Forget the key."""


class RedisWindows(RedisStorage):
    """The library's storage in Redis, asked as ours is."""

    def take(self, key: str, limit: int, expiry: int, amount: int) -> tuple[bool, float, int]:
        """Take so many units, or none; tell which, when the oldest was taken, and how many there are now."""
        return self.acquire_entry(key, limit, expiry, amount), *self.get_moving_window(key, limit, expiry)


class Counts:
    """Counts in this process. `threads` is where to call it from; None: from anywhere, a call takes a few µs."""

    threads: CapacityLimiter | None = None

    def __init__(self) -> None:
        self._local: Store = WindowStorage()

    def take(self, key: str, limit: int, window: int, units: int) -> Count:
        """Take so many units of the key's window (in seconds), or none where they do not fit."""
        return _take(self._local, key, limit, window, units)

    def look(self, key: str, limit: int, window: int) -> Count:
        """Tell how the window stands, and whether there is room for one unit."""
        return _look(self._local, key, limit, window)

    def clear(self, key: str) -> None:
        """Forget what the key has taken."""
        self._local.clear(key)


class SharedCounts(Counts):
    """Counts in Redis, where it answers."""

    def __init__(self, url: str) -> None:
        """Take the URL as redis-py does. Raises limits' ConfigurationError where redis-py is not installed."""
        super().__init__()
        self.threads = CapacityLimiter(THREADS)
        self._redis = RedisWindows(url, key_prefix="todo", socket_timeout=ANSWERS_WITHIN, socket_connect_timeout=ANSWERS_WITHIN)
        library = self._redis.dependency
        self._redis.storage.set_retry(library.retry.Retry(library.backoff.NoBackoff(), 0))
        self._is_away = False
        self._try_at = 0.0
        self._lock = Lock()

    def take(self, key: str, limit: int, window: int, units: int) -> Count:
        """Take so many units of the key's window (in seconds), or none where they do not fit."""
        return self._ask(lambda store: _take(store, key, limit, window, units))

    def look(self, key: str, limit: int, window: int) -> Count:
        """Tell how the window stands, and whether there is room for one unit."""
        return self._ask(lambda store: _look(store, key, limit, window))

    def clear(self, key: str) -> None:
        """Forget what the key has taken."""
        self._ask(lambda store: store.clear(key))

    def _ask(self, ask: Callable[[Store], Answer]) -> Answer:
        if self._is_due():
            try:
                answer = ask(self._redis)
            except self._redis.base_exceptions as error:
                self._note_loss(error)
            else:
                self._note_return()
                return answer
        return ask(self._local)

    def _is_due(self) -> bool:
        """Tell whether to ask Redis. Where it is away, one caller tries it after a pause, the others do not wait for that."""
        if not self._is_away:
            return True
        with self._lock:
            is_due = monotonic() >= self._try_at
            if is_due:
                self._try_at = monotonic() + TRIED_AGAIN_AFTER
        return is_due

    def _note_loss(self, error: Exception) -> None:
        with self._lock:
            was_away, self._is_away = self._is_away, True
            self._try_at = monotonic() + TRIED_AGAIN_AFTER
        self._redis.storage.connection_pool.disconnect()
        if not was_away:
            log.warning("Redis is away, so limits are counted in each process meanwhile: %s", error)

    def _note_return(self) -> None:
        if self._is_away:
            with self._lock:
                was_away, self._is_away = self._is_away, False
            if was_away:
                log.info("Redis is back, limits are counted there again")


def _take(store: Store, key: str, limit: int, window: int, units: int) -> Count:
    has_room, start, taken = store.take(key, limit, window, units)
    if has_room:
        return Count(taken, _until(start, window))
    # There is room when the oldest of the newest (limit - units + 1) has left.
    hindrance, _ = store.get_moving_window(key, limit - units + 1, window)
    return Count(taken, _until(start, window), _until(hindrance, window))


def _look(store: Store, key: str, limit: int, window: int) -> Count:
    start, taken = store.get_moving_window(key, limit, window)
    resets_in = _until(start, window)
    return Count(taken, resets_in, None if taken < limit else resets_in)


def _until(start: float, window: int) -> float:
    return max(0.0, start + window - time())
