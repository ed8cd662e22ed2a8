"""Translation of database errors.

An unavailable, overloaded or slow database is the error Unavailable; a value that no column can hold is the error InvalidInput.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from services.errors import InvalidInput, Unavailable

# InternalError is raised by a statement in a transaction in which an earlier statement failed.
_UNAVAILABLE_ERRORS = (OperationalError, InterfaceError, PoolTimeoutError, InternalError)


@contextmanager
def translate_database_errors() -> Iterator[None]:
    """Convert the driver's errors to Unavailable and InvalidInput."""
    try:
        yield
    except _UNAVAILABLE_ERRORS as error:
        raise Unavailable("The database is temporarily unavailable; retry shortly.") from error
    except DataError as error:
        raise InvalidInput.at_pointer("", "A value is out of range.") from error
