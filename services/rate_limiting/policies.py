"""Quotas: how much each caller may ask for in a while, and what one who asks for more is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

from anyio import to_thread
from limits import parse_many

from services.errors import QueryTooComplex, RateLimited
from services.rate_limiting.storage import Count, Counts

OFF = "off"
# Windows count units, and a moving window in Redis keeps one entry for each. So large quotas are counted in coarse units:
# a 2000th of the quota, rounded up.
STEPS = 2000
# How many times as many passwords may be tried on an account from everywhere together as from one address.
EVERYWHERE = 5


@dataclass(frozen=True, slots=True)
class Limit:
    """So much in a window of so many seconds."""

    amount: int
    window: int

    @classmethod
    def parse(cls, text: str) -> "Limit | None":
        """Return what the text says in the notation of the library `limits`; None for "off". Raises ValueError."""
        if text.strip().lower() == OFF:
            return None
        try:
            (item,) = parse_many(text)
        except ValueError:
            item = None
        if item is None or item.amount < 1:
            msg = "must be one limit such as 100/minute or 5000 per 2 hours, or off"
            raise ValueError(msg)
        return cls(item.amount, item.get_expiry())


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A limit, its name in headers and keys, and what it counts, in the words of errors.

    `units` is how many units there are, `item` the policy as RateLimit-Policy shows it.
    """

    name: str
    limit: Limit
    noun: str
    unit: int = 1
    units: int = field(init=False)
    item: str = field(init=False)

    def __post_init__(self) -> None:
        """Work out once what every request asks for."""
        object.__setattr__(self, "units", self.limit.amount // self.unit)
        object.__setattr__(self, "item", f'"{self.name}";q={self.limit.amount};w={self.limit.window}')

    def __str__(self) -> str:
        """Return the policy in words."""
        return f"{self.limit.amount} {self.noun} in {self.limit.window} seconds"


class Standing(NamedTuple):
    """How a caller stands with a policy: how much is left, and in how many seconds the oldest of what was taken comes back."""

    policy: Policy
    left: int
    resets_in: float

    @property
    def item(self) -> str:
        """Return the standing as RateLimit shows it."""
        return f'"{self.policy.name}";r={self.left};t={ceil(self.resets_in)}'


class Quotas:
    """All policies, and the counts. A policy that is off is None."""

    def __init__(self, limits: Mapping[str, Limit | None], counts: Counts) -> None:
        """Take the limits by the names of the policies; one that is missing is off."""
        self._counts = counts
        self.requests = _policy("requests", limits, "requests")
        self.cost = _policy("cost", limits, "units of GraphQL cost", STEPS)
        self.anonymous = _policy("anonymous", limits, "requests without a valid token from one address")
        self.login = _policy("login", limits, "attempts to register, log in or refresh from one address")
        self.account = _policy("account", limits, "attempts on one account from one address")
        self.everywhere = _widened(self.account, "everywhere", "attempts on one account")

    def take(self, policy: Policy, key: str, amount: int = 1) -> tuple[Standing, RateLimited | None]:
        """Take so much, or nothing; return how the caller stands, and what to raise where it was too much.

        Raises QueryTooComplex where it would be too much at any time.
        """
        units = -(-amount // policy.unit)
        if units > policy.units:
            raise QueryTooComplex(f"This alone takes {amount} of {policy}; ask for less at once.")
        count = self._counts.take(_key(policy, key), policy.units, policy.limit.window, units)
        return _standing(policy, count), None if count.wait is None else RateLimited(str(policy), count.wait)

    def look(self, policy: Policy, key: str) -> tuple[Standing, RateLimited | None]:
        """Return how the caller stands, and what to raise where nothing is left; take nothing."""
        count = self._counts.look(_key(policy, key), policy.units, policy.limit.window)
        return _standing(policy, count), None if count.wait is None else RateLimited(str(policy), count.wait)

    async def without_blocking(self, count: Callable[[], None]) -> None:
        """Count from the event loop: at once where that takes no time, in a thread where it means asking Redis."""
        if self._counts.threads is None:
            count()
        else:
            await to_thread.run_sync(count, limiter=self._counts.threads)

    def clear(self, policy: Policy, key: str) -> None:
        """Forget what the caller has taken."""
        self._counts.clear(_key(policy, key))


def _policy(name: str, limits: Mapping[str, Limit | None], noun: str, steps: int | None = None) -> Policy | None:
    limit = limits.get(name)
    if limit is None:
        return None
    return Policy(name, limit, noun, ceil(limit.amount / steps) if steps else 1)


def _widened(policy: Policy | None, name: str, noun: str) -> Policy | None:
    return policy and Policy(name, Limit(policy.limit.amount * EVERYWHERE, policy.limit.window), noun)


def _key(policy: Policy, key: str) -> str:
    return f"{policy.name}/{key}"


def _standing(policy: Policy, count: Count) -> Standing:
    return Standing(policy, max(0, policy.units - count.taken) * policy.unit, count.resets_in)
