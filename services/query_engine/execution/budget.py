"""Read budget of a request, for both APIs: rows, text and time.

A response may contain a row more often than the database returns it: tasks share their list, whose JSON object is repeated in
each of them. So each row has a multiplicity, the number of times that it occurs in the response, and is charged that many times.
"""

from collections.abc import Sequence
from operator import mul
from time import monotonic

import orjson

from models.sql.execution import Rows
from services.errors import QueryTooComplex

MAX_ROWS = 25_000  # nested rows in the response
MAX_RESPONSE_BYTES = 16_000_000  # of a whole response, as JSON
MAX_TEXT_BYTES = MAX_RESPONSE_BYTES  # of the texts in it, as JSON strings

_QUOTES = 2

Multiplicities = Sequence[int] | None  # None: every row occurs once, the usual case


class Budget:
    """Remaining budget of one request: nested rows, bytes of texts (a text may be selected repeatedly), and time."""

    def __init__(self) -> None:
        self.reset()
        self._deadline: float | None = None

    def reset(self) -> None:
        """Restore rows and text for a response that replaces the current one; the timer continues."""
        self.rows_left = MAX_ROWS
        self.text_left = MAX_TEXT_BYTES

    def start_timer(self, seconds: float) -> None:
        """Start the timer, unless it is running."""
        if self._deadline is None:
            self._deadline = monotonic() + seconds

    def check_timeout(self) -> None:
        """Raise QueryTooComplex after the deadline: a hundred statements, none of them slow, could take minutes together."""
        if self._deadline is not None and monotonic() > self._deadline:
            raise QueryTooComplex("The read exceeded its time limit. Request less data or simplify the filter.")

    def charge_text(self, texts: Sequence[tuple[int, int]], rows: Rows, multiplicities: Multiplicities) -> None:
        """Charge the texts of the rows; `texts` are pairs of a column index and the number of its selections.

        Raises QueryTooComplex if the response would contain too much text.
        """
        self.text_left -= sum(times * _text_bytes(column, rows, multiplicities) for column, times in texts)
        if self.text_left < 0:
            raise response_too_large()

    def check_text(self, texts: Sequence[tuple[int, int]], rows: Rows) -> None:
        """Raise QueryTooComplex if the texts of the rows exceed the remaining budget; charge nothing."""
        if sum(times * _text_bytes(column, rows, None) for column, times in texts) > self.text_left:
            raise response_too_large()

    def charge_rows(self, key: str, rows: Rows, parents: Multiplicities) -> Multiplicities:
        """Charge the rows; return their multiplicities. Raises QueryTooComplex if the response would contain too many rows.

        `parents` are the multiplicities of the parent keys, to whose numbers the last column of each row refers.
        """
        multiplicities = _multiplicities(rows, parents)
        self.rows_left -= len(rows) if multiplicities is None else sum(multiplicities)
        if self.rows_left < 0:
            raise QueryTooComplex(
                f'The response would exceed {MAX_ROWS} nested rows (at "{key}"). Use a smaller page or fewer nested relations.'
            )
        return multiplicities


def response_too_large() -> QueryTooComplex:
    """Return the error of a response that exceeds its maximum size."""
    return QueryTooComplex(
        f"The response would exceed {MAX_RESPONSE_BYTES} bytes. Use a smaller page, fewer text fields or fewer nested relations."
    )


def multiplicities_by_key(
    keys: Sequence[str | None], multiplicities: Multiplicities, distinct: Sequence[str | None]
) -> Multiplicities:
    """Return how often the children of each distinct key will occur: the sum of the multiplicities of the rows with this key."""
    if multiplicities is None and len(distinct) == len(keys):
        return None
    sums = dict.fromkeys(distinct, 0)
    for key, multiplicity in zip(keys, multiplicities or [1] * len(keys), strict=True):
        if key is not None:
            sums[key] += multiplicity
    return list(sums.values())


def _text_bytes(column: int, rows: Rows, multiplicities: Multiplicities) -> int:
    """Return the size of the texts in a column as JSON strings without their quotes."""
    if multiplicities is not None:
        return sum(map(mul, (len(orjson.dumps(row[column])) - _QUOTES for row in rows), multiplicities))
    # One array takes a quarter of the time of its elements one by one. It has a separator for each element, and one bracket more.
    return len(orjson.dumps([row[column] for row in rows])) - len(rows) * (_QUOTES + 1) - 1 if rows else 0


def _multiplicities(rows: Rows, parents: Multiplicities) -> Multiplicities:
    if rows and isinstance(rows[0][-1], list):
        return [len(row[-1]) if parents is None else sum(parents[number - 1] for number in row[-1]) for row in rows]
    return None if parents is None else [parents[row[-1] - 1] for row in rows]
