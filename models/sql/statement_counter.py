"""Counter of the SQL statements of one request, in all its threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import Engine, event


@dataclass(slots=True)
class StatementCounter:
    """Number of statements so far. A transaction preamble counts as one; COMMIT is not counted."""

    count: int = 0


_current: ContextVar[StatementCounter | None] = ContextVar("statement_counter", default=None)


@contextmanager
def count_statements() -> Iterator[StatementCounter]:
    """Count the statements in this block and in threads that inherit its context."""
    counter = StatementCounter()
    token = _current.set(counter)
    try:
        yield counter
    finally:
        _current.reset(token)


def attach_statement_counter(engine: Engine) -> None:
    """Count the statements that SQLAlchemy sends for this engine."""
    event.listen(engine, "before_cursor_execute", count_statement)


def count_statement(*_: object) -> None:
    """Count one statement."""
    counter = _current.get()
    if counter is not None:
        counter.count += 1
