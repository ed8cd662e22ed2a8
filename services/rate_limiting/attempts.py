"""Attempts to show that one knows an account's password."""

from services.rate_limiting.limiter import Purse


class Attempts:
    """Attempts on one account: from one address, and from everywhere together, where more are allowed.

    So whoever keeps guessing from one place keeps nobody out who comes from another.
    """

    def __init__(self, from_here: Purse, from_everywhere: Purse) -> None:
        self._from_here = from_here
        self._from_everywhere = from_everywhere

    def spend(self) -> None:
        """Use up one. What is refused here takes nothing from others. Raises RateLimited."""
        self._from_here.spend()
        self._from_everywhere.spend()

    def forget(self) -> None:
        """Forget those from here: the last one was right. Guesses from elsewhere stay counted."""
        self._from_here.clear()
