"""Who stands at the door, before it is known who they are; and which quotas the request falls under."""

from functools import cached_property
from hashlib import sha256

from services.rate_limiting.attempts import Attempts
from services.rate_limiting.limiter import Allowance, Purse, Tally
from services.rate_limiting.network import network
from services.rate_limiting.policies import Policy, Quotas
from services.rate_limiting.storage import Counts

UNLIMITED = Quotas({}, Counts())


class Visitor:
    """Where one request comes from: the address, and what the client calls itself."""

    def __init__(self, address: str, device: str | None = None, quotas: Quotas = UNLIMITED) -> None:
        self.address = address
        self.device = device
        self.quotas = quotas
        self.tally = Tally()

    @cached_property
    def allowance(self) -> Allowance:
        """Return what a stranger from this address may do."""
        return self._allowance(self.quotas.anonymous, self._place)

    @cached_property
    def attempts(self) -> Purse:
        """Return the attempts to get in from this address."""
        return Purse(self.quotas, self.quotas.login, self._place, self.tally)

    def attempts_on(self, email: str) -> Attempts:
        """Return the attempts to log in with this e-mail."""
        return self._attempts(_digest(email))

    def attempts_to_register(self, email: str) -> Attempts:
        """Return the attempts to register this e-mail; they keep nobody from logging in with it."""
        return self._attempts(f"register:{_digest(email)}")

    def attempts_of(self, user: str) -> Attempts:
        """Return the attempts of the user with this id to show the current password: whoever locks a door does not lock both."""
        return self._attempts(f"user:{user}")

    def _attempts(self, account: str) -> Attempts:
        """Others' attempts are nothing for this one's headers, so they come into a tally of their own."""
        here = Purse(self.quotas, self.quotas.account, f"{account}/{self._place}", Tally())
        return Attempts(here, Purse(self.quotas, self.quotas.everywhere, account, Tally()))

    def allowance_of(self, user: str) -> Allowance:
        """Return what this request may do in the name of the user with this id."""
        return self._allowance(self.quotas.requests, f"user:{user}")

    @cached_property
    def _place(self) -> str:
        return f"address:{network(self.address)}"

    def _allowance(self, policy: Policy | None, key: str) -> Allowance:
        self.tally.policies = (policy, self.quotas.cost)
        return Allowance(self.quotas, policy, key, self.tally)


def _digest(email: str) -> str:
    """Return what an e-mail is counted under: no store of counts needs to know it."""
    return sha256(email.encode()).hexdigest()
