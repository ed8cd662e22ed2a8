"""How much one request may read, whichever door it came through.

An answer may hold a row more often than the database was asked for it: tasks share their list, and the list's own tree is written
out under each of them. So each row has a weight, the number of times that it stands in the answer, and what is spent is weight.
"""

from collections.abc import Sequence
from operator import mul
from time import monotonic

from models.sql import Rows
from services.errors import QueryTooComplex

MAX_ROWS = 25_000  # rows in the answer below its first level
MAX_TEXT_CHARACTERS = 20_000_000  # characters of texts in the answer; up to four bytes each

Multiplicities = Sequence[int] | None  # None: every row stands there once, as is usual


class Budget:
    """What one request may still read: rows below the answer's first level, texts (which may stand in a row twice), and time."""

    def __init__(self) -> None:
        self.reset()
        self._ends: float | None = None

    def reset(self) -> None:
        """Begin another answer instead of the one so far. The time goes on."""
        self.rows_left = MAX_ROWS
        self._text = MAX_TEXT_CHARACTERS

    def start_timer(self, seconds: float) -> None:
        """Let the time begin, if it has not."""
        if self._ends is None:
            self._ends = monotonic() + seconds

    def check_timeout(self) -> None:
        """Raise QueryTooComplex where the time is over. A hundred statements, none of them slow, could take minutes together."""
        if self._ends is not None and monotonic() > self._ends:
            raise QueryTooComplex("Reading all this takes too long. Ask for less at once, or filter by less.")

    def charge_text(self, texts: Sequence[tuple[int, int]], rows: Rows, multiplicities: Multiplicities) -> None:
        """Take the rows' texts off; `texts` are their columns, and how often each stands in a row's tree.

        Raises QueryTooComplex where there are more than one answer may hold.
        """
        for column, times in texts:
            lengths = (len(row[column] or "") for row in rows)
            self._text -= times * (sum(lengths) if multiplicities is None else sum(map(mul, lengths, multiplicities)))
        if self._text < 0:
            raise QueryTooComplex(
                f"The response would exceed {MAX_TEXT_CHARACTERS} text characters. Use a smaller page or fewer text fields."
            )

    def charge_rows(self, key: str, rows: Rows, parents: Multiplicities) -> Multiplicities:
        """Take rows off; return their weights. Raises QueryTooComplex where there are more than one answer may hold.

        `parents` are the weights of the parents' keys, of which the last column of each row tells the places.
        """
        weights = _multiplicities(rows, parents)
        self.rows_left -= len(rows) if weights is None else sum(weights)
        if self.rows_left < 0:
            raise QueryTooComplex(
                f"The answer would hold more than {MAX_ROWS} nested rows; “{key}” was one too many. "
                "Ask for a smaller page, or for less below it."
            )
        return weights


def multiplicities_by_key(
    keys: Sequence[str | None], multiplicities: Multiplicities, distinct: Sequence[str | None]
) -> Multiplicities:
    """Return how often what belongs to each key will stand in the answer: once for each row that has it, times that row."""
    if multiplicities is None and len(distinct) == len(keys):
        return None
    sums = dict.fromkeys(distinct, 0)
    for key, weight in zip(keys, multiplicities or [1] * len(keys), strict=True):
        if key is not None:
            sums[key] += weight
    return list(sums.values())


def _multiplicities(rows: Rows, parents: Multiplicities) -> Multiplicities:
    if rows and isinstance(rows[0][-1], list):
        return [len(row[-1]) if parents is None else sum(parents[place - 1] for place in row[-1]) for row in rows]
    return None if parents is None else [parents[row[-1] - 1] for row in rows]
