"""Rate limiter: the policies, and the counters of all clients."""

import logging
from collections.abc import Callable, Mapping
from threading import Lock
from time import monotonic
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from limits import RateLimitItem
from limits.storage import SlidingWindowCounterSupport

from services.rate_limiting.policies import QuotaPolicy, QuotaStatus
from services.rate_limiting.storage import BoundedMemoryStorage, redis_storage

GLOBAL_POLICY, GLOBAL_MULTIPLIER = "auth-account-global", 5  # attempts from all addresses, compared with those from one
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
            self.policies[GLOBAL_POLICY] = account._replace(name=GLOBAL_POLICY, amount=account.amount * GLOBAL_MULTIPLIER)
        # Each policy has a separate storage, so that clients of one evict no counters of another.
        self._memory = {name: BoundedMemoryStorage() for name in self.policies}
        self._redis = redis_storage(redis_url) if redis_url else None
        self._redis_threads = CapacityLimiter(REDIS_THREADS)
        self._lock = Lock()
        self._retry_at = 0.0  # while Redis is down: when to try it again, in seconds of the monotonic clock

    def consume(self, policy: QuotaPolicy, key: str, amount: int) -> tuple[bool, QuotaStatus]:
        """Consume the amount if it fits; return whether it does, and the status. An amount of 0 only reads the status."""

        def count(storage: SlidingWindowCounterSupport, key: str) -> tuple[bool, QuotaStatus]:
            fits = not amount or storage.acquire_sliding_window_entry(key, policy.amount, policy.window, amount)
            previous, previous_left, current, current_left = storage.get_sliding_window(key, policy.window)
            if max(previous_left, current_left - policy.window) > policy.window + CLOCK_TOLERANCE:  # a clock was set back
                storage.clear_sliding_window(key, policy.window)
                return count(storage, key)
            return fits, QuotaStatus(policy, previous, current, max(0.0, current_left - policy.window))

        return self._run(policy, key, count)

    def reset(self, policy: QuotaPolicy, key: str) -> None:
        """Remove the consumption of this key."""
        self._run(policy, key, lambda storage, key: storage.clear_sliding_window(key, policy.window))

    async def run_without_blocking(self, count: Callable[[], None]) -> None:
        """Call a function that counts: directly if it takes a few µs, in a thread if it waits for Redis."""
        if self._redis is None:
            count()
        else:
            await to_thread.run_sync(count, limiter=self._redis_threads)

    def _run(self, policy: QuotaPolicy, key: str, count: Callable[[SlidingWindowCounterSupport, str], Result]) -> Result:
        """Count in Redis, or in memory if there is no Redis or it fails. While it is down, one caller per interval tries it."""
        key = f"{policy.name}/{policy.window}/{key}"
        with self._lock:
            redis = self._redis if monotonic() >= self._retry_at else None
            if redis and self._retry_at:
                self._retry_at = monotonic() + REDIS_RETRY_INTERVAL
        if redis:
            try:
                result = count(redis, key)
            except redis.base_exceptions as error:
                redis.storage.connection_pool.disconnect()
                was_down, self._retry_at = self._retry_at, monotonic() + REDIS_RETRY_INTERVAL
                if not was_down:
                    log.warning("Redis unavailable; falling back to in-process rate limiting: %s", error)
            else:
                was_down, self._retry_at = self._retry_at, 0.0
                if was_down:
                    log.info("Redis available again; rate limits are shared")
                return result
        with self._lock:
            return count(self._memory[policy.name], key)
