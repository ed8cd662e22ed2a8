"""Storages of sliding window counters: the memory of this process, or a Redis that several processes share.

The library's memory storage does not hold under load. It never evicts; while anything is counted, a new thread every 10 ms copies
the list of all keys (at 50,000 keys and 100 requests a second a third of a CPU); and threads that race may exceed a limit.
"""

from collections import OrderedDict
from time import time

from limits.storage import MemoryStorage, RedisStorage

MAX_COUNTERS = 100_000  # of one policy; an active client has two
REDIS_TIMEOUT = 0.2  # seconds


class BoundedMemoryStorage(MemoryStorage):
    """The library's counters without its threads; the least recently used one is evicted. Callers hold a lock."""

    def __init__(self) -> None:
        super().__init__()
        self.timer.cancel()
        self._counters: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a counter, and remove up to two expired ones: more than were added."""
        now = time()
        count, expires_at = self._counters.pop(key, (0, now + expiry))
        self._counters[key] = count + amount, expires_at
        for _ in range(2):
            oldest, (_, expires_at) = next(iter(self._counters.items()))
            if len(self._counters) > MAX_COUNTERS or expires_at <= now:
                del self._counters[oldest]
        return count + amount

    def get(self, key: str) -> int:
        """Return the counter."""
        return self._counters.get(key, (0, 0.0))[0]

    def clear(self, key: str) -> None:
        """Remove the counter."""
        self._counters.pop(key, None)


def redis_storage(url: str) -> RedisStorage:
    """Return a storage that fails fast. Raises ConfigurationError of the library if redis-py is not installed."""
    redis = RedisStorage(url, key_prefix="todo", socket_timeout=REDIS_TIMEOUT, socket_connect_timeout=REDIS_TIMEOUT)
    redis.storage.set_retry(redis.dependency.retry.Retry(redis.dependency.backoff.NoBackoff(), 0))
    return redis
