"""A database that is away, overloaded or too slow looks the same at both doors."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from services.errors import Unavailable

# InternalError is what statements meet in a transaction that one of the others has broken.
UNAVAILABLE_ERRORS = (OperationalError, InterfaceError, PoolTimeoutError, InternalError)


def database_unavailable() -> Unavailable:
    """Return what the caller is told then."""
    return Unavailable("The database does not answer just now; try again in a moment.")


@contextmanager
def translate_database_errors() -> Iterator[None]:
    """Turn what the driver raises then into Unavailable."""
    try:
        yield
    except UNAVAILABLE_ERRORS as error:
        raise database_unavailable() from error
