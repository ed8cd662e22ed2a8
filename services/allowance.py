"""What one request takes of its caller's quotas, and how its caller stands then."""

from services.quotas import Policy, Quotas, Standing


class Tally:
    """What was counted while a request was served: for its headers."""

    def __init__(self) -> None:
        self.policies: tuple[Policy, ...] = ()
        self.standings: dict[str, Standing] = {}


class Purse:
    """What a request takes of one quota; of a policy that is off, as much as it likes."""

    def __init__(self, quotas: Quotas, policy: Policy | None, key: str, tally: Tally) -> None:
        self._quotas = quotas
        self._policy = policy
        self._key = key
        self._tally = tally
        self._paid = 0

    def pay(self, amount: int = 1) -> None:
        """Take so much, or nothing. Raises RateLimited, QueryTooComplex."""
        if self._policy is not None:
            standing, refusal = self._quotas.take(self._policy, self._key, amount)
            self._tally.standings[self._policy.name] = standing
            if refusal is not None:
                raise refusal

    def prepay(self, amount: int = 1) -> None:
        """See to it that so much is paid for, before any of it is spent. Raises as `pay` does."""
        if amount > self._paid:
            self.pay(amount - self._paid)
            self._paid = amount

    def spend(self) -> None:
        """Use up one that is paid for, or pay for it now. Raises RateLimited."""
        if self._paid:
            self._paid -= 1
        else:
            self.pay()

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


class Allowance:
    """What a request may do in its caller's name. What would be too much is refused before any of it is done."""

    def __init__(self, requests: Purse, cost: Purse) -> None:
        self.requests = requests
        self._cost = cost

    def prepay(self, transactions: int = 1, cost: int = 0) -> None:
        """See to it that so many transactions are paid for, and pay the cost. Raises RateLimited, QueryTooComplex."""
        if cost:
            self._cost.pay(cost)
        self.requests.prepay(transactions)

    def spend(self) -> None:
        """Use up one transaction that is paid for, or pay for it now. Raises RateLimited."""
        self.requests.spend()
