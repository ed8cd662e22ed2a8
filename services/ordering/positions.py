"""Positions between two neighbours, and the smallest run of siblings to renumber where there is no number between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, ulp
from operator import sub

from models.schemas.field_types import MAX_POSITION

MAX_RENUMBERED = 1_000
_END = MAX_POSITION + 1  # no row may have this position
# Distances between renumbered rows, in units of the last place: first one that leaves numbers for further moves, then any.
_MIN_DISTANCES = (1024, 1)


@dataclass(frozen=True, slots=True)
class Run:
    """Rows to renumber: so many before and after the place of the moved rows; `positions` are those of all, in order."""

    before: int
    after: int
    positions: Sequence[float]


def positions_between(lower: float | None, upper: float | None, count: int) -> list[float] | None:
    """Return ascending positions between those of two neighbours, None if there are not enough numbers between them.

    Beyond the first or last sibling (the neighbour is None), the positions are whole numbers.
    """
    if upper is None:
        first = floor(lower or 0) + 1
        if first + count <= _END:
            return [float(first + index) for index in range(count)]
    elif lower is None:
        last = ceil(upper) - 1
        if last - count >= -_END:
            return [float(last - index) for index in reversed(range(count))]
    start, end = _bounds(lower, upper)
    step = (end - start) / (count + 1)
    positions = [start + step * index for index in range(1, count + 1)]
    return positions if all(a < b for a, b in pairwise((start, *positions, end))) else None


def find_run(before: Sequence[float], after: Sequence[float], count: int) -> Run | None:
    """Return the smallest run of siblings around a place that can take `count` more rows when it is renumbered.

    `before` and `after` are the positions of the siblings on both sides, nearest first, one more than the maximum if there are
    so many. Returns None if more rows than the maximum would have to be renumbered.
    """
    lower = before if len(before) > MAX_RENUMBERED else (*before, -_END)
    upper = after if len(after) > MAX_RENUMBERED else (*after, _END)
    for min_distance in _MIN_DISTANCES:
        for size in range(min(MAX_RENUMBERED, len(before) + len(after)) + 1):
            run = _widest_run(lower, upper, size, count, min_distance)
            if run is not None:
                return run
    return None


def _widest_run(lower: Sequence[float], upper: Sequence[float], size: int, count: int, min_distance: int) -> Run | None:
    """Return the run of this size whose neighbours are farthest apart; None if its rows would be too close."""
    first, last = max(0, size - len(upper) + 1), min(size, len(lower) - 1)
    widths = list(map(sub, upper[size - last : size - first + 1][::-1], lower[first : last + 1]))
    width = max(widths)
    before = first + widths.index(width)
    after = size - before
    if width < min_distance * ulp(max(abs(lower[before]), abs(upper[after]))) * (size + count + 1):
        return None
    start, end = (None if abs(bound) == _END else bound for bound in (lower[before], upper[after]))
    positions = positions_between(start, end, size + count)
    return None if positions is None else Run(before, after, positions)


def _bounds(lower: float | None, upper: float | None) -> tuple[float, float]:
    return (-_END if lower is None else lower), (_END if upper is None else upper)
