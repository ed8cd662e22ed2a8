"""Translation of database errors: an unavailable, overloaded or slow database is the error Unavailable."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from services.errors import Unavailable

# InternalError is raised by a statement in a transaction in which an earlier statement failed.
UNAVAILABLE_ERRORS = (OperationalError, InterfaceError, PoolTimeoutError, InternalError)


def database_unavailable() -> Unavailable:
    """Return the error for an unavailable database."""
    return Unavailable("The database is temporarily unavailable; retry shortly.")


@contextmanager
def translate_database_errors() -> Iterator[None]:
    """Convert the driver's errors for an unavailable database to Unavailable."""
    try:
        yield
    except UNAVAILABLE_ERRORS as error:
        raise database_unavailable() from error
