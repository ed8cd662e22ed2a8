"""Counts the statements that one request sends, whichever thread sends them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event


@dataclass(slots=True)
class StatementCount:
    """How many statements so far; the opening message of a transaction is one, COMMIT is none."""

    count: int = 0


_current: ContextVar[StatementCount | None] = ContextVar("statement_count", default=None)


@contextmanager
def counting_statements() -> Iterator[StatementCount]:
    """Count what is sent in this block, and in the threads that inherit its context."""
    counter = StatementCount()
    token = _current.set(counter)
    try:
        yield counter
    finally:
        _current.reset(token)


def count_statements_of(engine: Engine) -> None:
    """Let this engine's statements be counted."""
    event.listen(engine, "before_cursor_execute", _count)


def _count(*_: Any) -> None:
    counter = _current.get()
    if counter is not None:
        counter.count += 1
