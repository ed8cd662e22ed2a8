"""Quota policies: how much a client may consume in a time window, and the status of a client's quota."""

from typing import NamedTuple

DESCRIPTIONS = {
    "requests": "requests",
    "cost": "units of GraphQL cost",
    "anonymous": "requests without a valid token from one address",
    "auth-address": "attempts to register, log in or refresh from one address",
    "auth-account": "attempts on one account from one address",
    "auth-account-global": "attempts on one account",
}


class QuotaPolicy(NamedTuple):
    """Amount per window of seconds, with the policy name that headers show."""

    name: str
    amount: int
    window: int

    def __str__(self) -> str:
        """Return the policy in words, for errors."""
        return f"{self.amount} {DESCRIPTIONS[self.name]} in {self.window} seconds"


class QuotaStatus(NamedTuple):
    """Consumption in the previous and the current fixed window; the sliding window still covers a part of the previous one."""

    policy: QuotaPolicy
    previous: int
    current: int
    ends_in: float  # seconds until the current window ends

    @property
    def remaining(self) -> int:
        """Return how much may be consumed now."""
        return max(0, self.policy.amount - int(self.previous * self.ends_in / self.policy.window) - self.current)

    @property
    def resets_in(self) -> float:
        """Return in how many seconds more will remain; 0 if nothing is consumed."""
        return self.wait_for(min(self.remaining + 1, self.policy.amount))

    def wait_for(self, amount: int) -> float:
        """Return in how many seconds the amount fits, if nothing else is consumed until then."""
        available, window = self.policy.amount - amount, self.policy.window
        decaying, ends_in = self.current, self.ends_in
        if self.current <= available:  # only the consumption of the previous window, which has ended, exceeds the limit
            decaying, ends_in, available = self.previous, self.ends_in - window, available - self.current
        # The weighted count is rounded down, so one more unit is available.
        decay_time = window * (1 - (available + 1) / decaying) if decaying > available else 0.0
        return max(0.0, ends_in + decay_time)
