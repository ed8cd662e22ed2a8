"""Random choices for one generated example, from a sequence of random bytes.

One long draw is a hundred times cheaper than hundreds of short ones. Shrinking still works: a smaller byte, or the end of the
sequence, means False, few items, or the first choice.
"""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class RandomSource:
    """Source of small random numbers and choices."""

    def __init__(self, random_bytes: bytes) -> None:
        self._bytes = iter(random_bytes)

    def number(self, low: int, high: int) -> int:
        """Return a number from low to high, with at most 256 distinct values."""
        return low + next(self._bytes, 0) * (high - low + 1) // 256

    def probability(self, percent: int) -> bool:
        """Return True with this probability in percent."""
        return percent > 0 and next(self._bytes, 0) * 100 >= 256 * (100 - percent)

    def choice(self, items: Sequence[T]) -> T:
        """Return one item."""
        return items[self.number(0, len(items) - 1)]

    def sample(self, items: Sequence[T], max_size: int) -> list[T]:
        """Return one to `max_size` distinct items in any order."""
        remaining = list(items)
        return [remaining.pop(self.number(0, len(remaining) - 1)) for _ in range(self.number(1, min(max_size, len(remaining))))]
