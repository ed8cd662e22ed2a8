"""HTTP client of a request, and the quotas that the request consumes."""

from hashlib import sha256
from typing import Self

from services.errors import QueryTooComplex, RateLimited
from services.rate_limiting.limiter import RateLimiter
from services.rate_limiting.network import network_key
from services.rate_limiting.policies import QuotaPolicy, QuotaStatus

NO_LIMITS = RateLimiter({})
SAFETY_MARGIN = 0.01  # seconds that Retry-After adds, since Redis counts in milliseconds
QuotaUsage = dict[str, QuotaStatus]  # the status of the quotas that a request has used, by policy name


class RequestQuota:
    """Consumption of one request from a quota, and from a wider quota if there is one. A disabled policy allows everything."""

    def __init__(self, limiter: RateLimiter, policy: str, key: str, usage: QuotaUsage, wider: Self | None = None) -> None:
        self._limiter = limiter
        self._policy = limiter.policies.get(policy)
        self._key = key
        self._usage = usage
        self._wider = wider
        self._charged = self._consumed = 0

    def reserve(self, amount: int = 1, *, cost: int = 0) -> None:
        """Charge an amount before it is consumed, and a GraphQL cost. Raises RateLimited, QueryTooComplex."""
        if cost:
            RequestQuota(self._limiter, "cost", self._key, self._usage).reserve(cost)
        self._charge(self._consumed + amount)

    def consume(self) -> None:
        """Consume one unit, and charge it if it is not reserved. Raises RateLimited, QueryTooComplex."""
        self._charge(self._consumed + 1)
        self._consumed += 1
        if self._wider:
            self._wider.consume()

    def peek(self) -> None:
        """Record the status; consume nothing."""
        if self._policy:
            _, self._usage[self._policy.name] = self._limiter.consume(self._policy, self._key, 0)

    def check(self) -> None:
        """Raise RateLimited if nothing remains; consume nothing."""
        self.peek()
        if self._policy and not self._usage[self._policy.name].remaining:
            raise self._rejection(self._policy, 1)

    def reset(self) -> None:
        """Remove the consumption of this quota, but not of the wider one."""
        if self._policy:
            self._limiter.reset(self._policy, self._key)

    def _charge(self, total: int) -> None:
        """Charge the request up to this total; do nothing if it is charged already."""
        policy, amount = self._policy, total - self._charged
        if policy is None or amount <= 0:
            return
        if total > policy.amount:
            raise QueryTooComplex(f"The request needs {total}, more than the quota allows ({policy}); split it.")
        fits, self._usage[policy.name] = self._limiter.consume(policy, self._key, amount)
        if not fits:
            raise self._rejection(policy, total)
        self._charged = total

    def _rejection(self, policy: QuotaPolicy, needed: int) -> RateLimited:
        """Return the error. Retry-After is the time until all quotas of the request allow a retry."""
        wait = max(self._usage[policy.name].wait_for(needed), *(used.wait_for(1) for used in self._usage.values()))
        return RateLimited(str(policy), wait + SAFETY_MARGIN)


class Client:
    """The client of one request. `usage` is for the RateLimit headers."""

    def __init__(self, address: str, user_agent: str | None = None, limiter: RateLimiter = NO_LIMITS) -> None:
        self.address = address
        self.user_agent = user_agent
        self.limiter = limiter
        self.usage: QuotaUsage = {}
        self.network = f"address:{network_key(address)}"
        self.anonymous_quota = RequestQuota(limiter, "anonymous", self.network, self.usage)
        self.auth_attempts = RequestQuota(limiter, "auth-address", self.network, self.usage)

    def user_quota(self, user: str) -> RequestQuota:
        """Return the quota of requests of the user with this id."""
        return RequestQuota(self.limiter, "requests", f"user:{user}", self.usage)

    def account_attempts(self, action: str, account: str) -> RequestQuota:
        """Return the quota of attempts at an action on an account from this address; the wider one is from all addresses."""
        # The key is hashed: the storage contains no account. The usage is separate: headers do not show other clients' attempts.
        key, usage = sha256(f"{action}:{account}".encode()).hexdigest(), QuotaUsage()
        wider = RequestQuota(self.limiter, "auth-account-global", key, usage)
        return RequestQuota(self.limiter, "auth-account", f"{key}/{self.network}", usage, wider)
