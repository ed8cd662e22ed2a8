"""The choices that make up one generated example, read off a tape of random bytes.

One long draw is a hundred times cheaper than hundreds of short ones. Shrinking still works: a smaller byte, and any after the
end of the tape, means no, few, or the first of several.
"""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class RandomSource:
    """Thinks in small integers."""

    def __init__(self, tape: bytes) -> None:
        self._bytes = iter(tape)

    def number(self, low: int, high: int) -> int:
        """Return a number from low to high; 256 different ones at most."""
        return low + next(self._bytes, 0) * (high - low + 1) // 256

    def probability(self, percent: int) -> bool:
        """Tell whether something happens that does so in so many of a hundred cases."""
        return percent > 0 and next(self._bytes, 0) * 100 >= 256 * (100 - percent)

    def choice(self, several: Sequence[T]) -> T:
        """Return one of several."""
        return several[self.number(0, len(several) - 1)]

    def sample(self, several: Sequence[T], most: int) -> list[T]:
        """Return one to `most` different ones, in any order."""
        left = list(several)
        return [left.pop(self.number(0, len(left) - 1)) for _ in range(self.number(1, min(most, len(left))))]
