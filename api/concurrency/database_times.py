"""Database time of the users: charged to their quota of cost, and the order in which waiting users are served."""

from dataclasses import dataclass, field
from time import monotonic

from cachetools import LRUCache

from services.errors import RateLimited
from services.rate_limiting.limiter import RateLimiter
from services.rate_limiting.policies import QuotaPolicy

STEP = 0.1  # seconds; only whole steps are charged
COST_OF_STEP = 40_000
HALF_LIFE = 30.0  # seconds in which half of the recent time is forgotten
MAX_USERS = 10_000  # in memory


@dataclass(slots=True)
class _Usage:
    """Times of one user, in seconds; `uncharged` is what the quota was not charged with yet."""

    recent: float = 0.0
    uncharged: float = 0.0
    updated_at: float = field(default_factory=monotonic)
    blocked_until: float = 0.0


class DatabaseTimes:
    """Database times of the users who were active last."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._policy = limiter.policies.get("cost")
        self._users: LRUCache[str, _Usage] = LRUCache(MAX_USERS)

    def recent(self, user_id: str) -> float:
        """Return the database time that the user used recently."""
        usage = self._users.get(user_id)
        return usage.recent * 0.5 ** ((monotonic() - usage.updated_at) / HALF_LIFE) if usage else 0.0

    def load(self, user_id: str) -> int:
        """Return the recent time in whole seconds. Users with ordinary requests have equal loads, and are served in turn."""
        return int(self.recent(user_id))

    def add(self, user_id: str, seconds: float) -> None:
        """Add database time of the user."""
        recent = self.recent(user_id) + seconds
        usage = self._users.setdefault(user_id, _Usage())
        usage.recent, usage.updated_at = recent, monotonic()
        usage.uncharged += seconds

    def check(self, user_id: str) -> None:
        """Raise RateLimited if the user has used more time than the quota allows."""
        usage = self._users.get(user_id)
        if usage is not None and self._policy is not None and (wait := usage.blocked_until - monotonic()) > 0:
            raise RateLimited(str(self._policy), wait)

    async def charge(self, user_id: str) -> None:
        """Charge the whole steps. If the quota does not allow it, reject the user's requests until it does."""
        usage, policy = self._users.get(user_id), self._policy
        if usage is not None and policy is not None and usage.uncharged >= STEP:
            await self._limiter.run_without_blocking(lambda: self._charge(user_id, usage, policy))

    def _charge(self, user_id: str, usage: _Usage, policy: QuotaPolicy) -> None:
        cost = min(int(usage.uncharged / STEP) * COST_OF_STEP, policy.amount)
        fits, status = self._limiter.consume(policy, f"user:{user_id}", cost)
        if fits:
            usage.uncharged %= STEP
        else:
            usage.blocked_until = monotonic() + status.wait_for(cost)
