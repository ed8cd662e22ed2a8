"""Rate limiter: the policies, and the counters of all clients."""

import logging
from collections.abc import Callable, Mapping
from threading import Lock
from time import monotonic
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from limits import RateLimitItem
from limits.storage import RedisStorage, SlidingWindowCounterSupport

from services.rate_limiting.policies import QuotaPolicy, QuotaStatus
from services.rate_limiting.storage import BoundedMemoryStorage, redis_storage

GLOBAL_MULTIPLIER = 5  # attempts on one account from all addresses together, compared with those from one address
REDIS_RETRY_INTERVAL = 5.0  # seconds
CLOCK_TOLERANCE = 1.0  # seconds by which corrections of Redis's clock may extend the lifetime of a counter
REDIS_THREADS = 8  # separate from the worker threads, so that waiting for Redis does not delay database work

log = logging.getLogger("todo.rate_limiting")
Result = TypeVar("Result")


class RateLimiter:
    """Limiter that counts in Redis, or in this process if no Redis is configured or it is unavailable."""

    def __init__(self, limits: Mapping[str, RateLimitItem | None], redis_url: str | None = None) -> None:
        """Create the limiter from limits by policy name; a policy without a limit is disabled."""
        self.policies = {name: QuotaPolicy(name, item.amount, item.get_expiry()) for name, item in limits.items() if item}
        if account := self.policies.get("auth-account"):
            widened = account._replace(name="auth-account-global", amount=account.amount * GLOBAL_MULTIPLIER)
            self.policies[widened.name] = widened
        # Each policy has a separate storage, so that clients of one evict no counters of another.
        self._memory = {name: BoundedMemoryStorage() for name in self.policies}
        self._redis = redis_storage(redis_url) if redis_url else None
        self._redis_threads = CapacityLimiter(REDIS_THREADS)
        self._lock = Lock()
        self._is_down, self._retry_at = False, 0.0

    def consume(self, policy: QuotaPolicy, key: str, amount: int) -> tuple[bool, QuotaStatus]:
        """Consume the amount if it fits; return whether it does, and the status. An amount of 0 only reads the status."""
        key = f"{policy.name}/{policy.window}/{key}"

        def count(storage: SlidingWindowCounterSupport) -> tuple[bool, tuple[int, float, int, float]]:
            fits = not amount or storage.acquire_sliding_window_entry(key, policy.amount, policy.window, amount)
            counters = storage.get_sliding_window(key, policy.window)
            if not _was_clock_set_back(counters, policy.window):
                return fits, counters
            storage.clear_sliding_window(key, policy.window)
            return count(storage)

        fits, (previous, _, current, expires_in) = self._run(policy, count)
        return fits, QuotaStatus(policy, previous, current, max(0.0, expires_in - policy.window))

    def reset(self, policy: QuotaPolicy, key: str) -> None:
        """Remove the consumption of this key."""
        key = f"{policy.name}/{policy.window}/{key}"
        self._run(policy, lambda storage: storage.clear_sliding_window(key, policy.window))

    async def run_without_blocking(self, count: Callable[[], None]) -> None:
        """Call a function that counts: directly if it takes a few µs, in a thread if it waits for Redis."""
        if self._redis is None:
            count()
        else:
            await to_thread.run_sync(count, limiter=self._redis_threads)

    def _run(self, policy: QuotaPolicy, count: Callable[[SlidingWindowCounterSupport], Result]) -> Result:
        """Count in Redis, or in memory if there is no Redis or it fails."""
        if redis := self._redis_unless_down():
            try:
                result = count(redis)
            except redis.base_exceptions as error:
                redis.storage.connection_pool.disconnect()
                was_down, self._is_down = self._is_down, True
                if not was_down:
                    log.warning("Redis unavailable; falling back to in-process rate limiting: %s", error)
            else:
                was_down, self._is_down = self._is_down, False
                if was_down:
                    log.info("Redis available again; rate limits are shared")
                return result
        with self._lock:
            return count(self._memory[policy.name])

    def _redis_unless_down(self) -> RedisStorage | None:
        """Return Redis. While it is down, one caller per REDIS_RETRY_INTERVAL retries it; the others get None."""
        if self._redis is None:
            return None
        with self._lock:
            if self._is_down and monotonic() < self._retry_at:
                return None
            self._retry_at = monotonic() + REDIS_RETRY_INTERVAL
            return self._redis


def _was_clock_set_back(counters: tuple[int, float, int, float], window: int) -> bool:
    """Return whether a counter expires later than it can: Redis extends the lifetimes of its keys if its clock is set back."""
    _, previous_expires_in, _, current_expires_in = counters
    return previous_expires_in > window + CLOCK_TOLERANCE or current_expires_in > 2 * window + CLOCK_TOLERANCE
