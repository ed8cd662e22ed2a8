"""Log of frequent events: each message at most once per minute, with the number of its occurrences."""

from asyncio import get_running_loop
from collections import Counter
from logging import Logger

PERIOD_SECONDS = 60.0


class PeriodicLog:
    """Logs the first occurrence of a message, and once per period how often it occurred since. Messages must be few."""

    def __init__(self, log: Logger, period_seconds: float = PERIOD_SECONDS) -> None:
        self._log = log
        self._period = period_seconds
        self._counts: Counter[str] = Counter()  # since the message was logged; absent: not in the last period

    def warning(self, message: str) -> None:
        """Log the message, or count it if it was logged within the period. Must be called in the event loop."""
        if message in self._counts:
            self._counts[message] += 1
            return
        self._counts[message] = 0
        self._write(message, 1)

    def _write(self, message: str, count: int) -> None:
        self._log.warning(message, extra={"count": count})
        get_running_loop().call_later(self._period, self._end_period, message)

    def _end_period(self, message: str) -> None:
        count = self._counts.pop(message)
        if count:
            self._counts[message] = 0
            self._write(message, count)
