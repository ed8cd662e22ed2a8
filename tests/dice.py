"""The choices that make up one generated example. They shrink towards no, few, and the first of several."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

_up_to = lru_cache(maxsize=None)(lambda high: st.integers(0, high))


class Dice:
    """Thinks in small integers, the cheapest things that hypothesis draws."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def number(self, low: int, high: int) -> int:
        """Return a number from low to high."""
        return low + int(self._draw(_up_to(high - low))) if high > low else low

    def chance(self, percent: int) -> bool:
        """Tell whether something happens that does so in so many of a hundred cases."""
        return self.number(0, 99) >= 100 - percent

    def pick(self, several: Sequence[T]) -> T:
        """Return one of several."""
        return several[self.number(0, len(several) - 1)]

    def some(self, several: Sequence[T], most: int) -> list[T]:
        """Return one to `most` different ones, in any order."""
        left = list(several)
        return [left.pop(self.number(0, len(left) - 1)) for _ in range(self.number(1, min(most, len(left))))]
