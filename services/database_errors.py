"""Translation of database errors.

An unavailable, overloaded or slow database is the error Unavailable; a value that no column can hold is the error InvalidInput.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DataError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from models.sql.execution import StaleStatementError
from services.errors import InvalidInput, StaleTransaction, Unavailable

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# InternalError is raised by a statement in a transaction in which an earlier statement failed.
_UNAVAILABLE_ERRORS = (OperationalError, InterfaceError, PoolTimeoutError, InternalError)


@contextmanager
def translate_database_errors() -> Iterator[None]:
    """Convert the driver's errors to Unavailable, StaleTransaction and InvalidInput."""
    try:
        yield
    except StaleStatementError as error:
        raise StaleTransaction("The database has changed; retry shortly.") from error
    except _UNAVAILABLE_ERRORS as error:
        raise Unavailable("The database is temporarily unavailable; retry shortly.") from error
    except DataError as error:
        raise InvalidInput.at_pointer("", "A value is out of range.") from error


def rerun_if_stale(operation: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Return a function that runs the operation again if its transaction was stale, which wrote nothing."""

    @wraps(operation)
    def run(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        try:
            return operation(*arguments, **options)
        except StaleTransaction:
            return operation(*arguments, **options)

    return run
