"""What one request takes of its caller's quotas, and how its caller stands then."""

from services.rate_limiting.policies import Policy, Quotas, Standing


class Tally:
    """What was counted while a request was served, and the policies under which it falls: for its headers."""

    __slots__ = ("policies", "standings")

    def __init__(self) -> None:
        self.policies: tuple[Policy | None, ...] = ()
        self.standings: dict[str, Standing] = {}


class Purse:
    """What a request takes of one quota; of a policy that is off, as much as it likes."""

    __slots__ = ("_key", "_paid", "_policy", "_quotas", "_tally")

    def __init__(self, quotas: Quotas, policy: Policy | None, key: str, tally: Tally) -> None:
        self._quotas = quotas
        self._policy = policy
        self._key = key
        self._tally = tally
        self._paid = 0

    def prepay(self, amount: int = 1) -> None:
        """See to it that so much is paid for, before any of it is spent. Raises RateLimited, QueryTooComplex."""
        if amount > self._paid:
            self._pay(self._policy, amount - self._paid)
            self._paid = amount

    def spend(self) -> None:
        """Use up one that is paid for, or pay for it now. Raises RateLimited."""
        if self._paid:
            self._paid -= 1
        else:
            self._pay(self._policy, 1)

    def look(self) -> None:
        """Note how the caller stands; take nothing."""
        if self._policy is not None:
            self._tally.standings[self._policy.name], _ = self._quotas.look(self._policy, self._key)

    def demand(self) -> None:
        """Raise RateLimited where nothing is left; take nothing."""
        if self._policy is not None:
            standing, refusal = self._quotas.look(self._policy, self._key)
            if refusal is not None:
                self._tally.standings[self._policy.name] = standing
                raise refusal

    def clear(self) -> None:
        """Forget what was taken."""
        if self._policy is not None:
            self._quotas.clear(self._policy, self._key)

    def _pay(self, policy: Policy | None, amount: int) -> None:
        """Take so much, or nothing."""
        if policy is not None:
            standing, refusal = self._quotas.take(policy, self._key, amount)
            self._tally.standings[policy.name] = standing
            if refusal is not None:
                raise refusal


class Allowance(Purse):
    """What a request may do in its caller's name: so many transactions, at such a cost."""

    __slots__ = ()

    def pay_for(self, transactions: int, cost: int) -> None:
        """Pay an operation's cost, and see to it that its transactions are paid for. Raises RateLimited, QueryTooComplex."""
        self._pay(self._quotas.cost, cost)
        self.prepay(transactions)
