"""How much one request may read, whichever door it came through."""

from services.errors import QueryTooComplex

MAX_NESTING = 20  # relations within relations
MAX_LEVELS = 100  # relations in all; each costs a statement
MAX_ROWS = 25_000  # rows below the first level, of all relations together


class RowBudget:
    """Counts the rows that one request reads below its first level."""

    def __init__(self) -> None:
        self.left = MAX_ROWS

    def spend(self, rows: int, key: str) -> None:
        """Take rows off. Raises QueryTooComplex where there were more than may be read."""
        self.left -= rows
        if self.left < 0:
            raise QueryTooComplex(
                f"The answer would hold more than {MAX_ROWS} nested rows; “{key}” was one too many. "
                "Ask for a smaller page, or for less below it."
            )
