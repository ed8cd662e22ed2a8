"""Time that the transactions of one request took, in all its threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic


@dataclass(slots=True)
class DatabaseTimer:
    """Sum of the durations of all transactions that have ended, in seconds."""

    seconds: float = 0.0


_current: ContextVar[DatabaseTimer | None] = ContextVar("database_timer", default=None)


@contextmanager
def measure_database_time() -> Iterator[DatabaseTimer]:
    """Measure the transactions in this block and in threads that inherit its context."""
    timer = DatabaseTimer()
    token = _current.set(timer)
    try:
        yield timer
    finally:
        _current.reset(token)


@contextmanager
def time_transaction() -> Iterator[None]:
    """Add the duration of this block, which is one transaction."""
    started = monotonic()
    try:
        yield
    finally:
        timer = _current.get()
        if timer is not None:
            timer.seconds += monotonic() - started
