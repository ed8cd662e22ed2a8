"""Preconditions of mutations that change one row, from their argument `ifRevision`."""

from strawberry import UNSET

from services.preconditions import NO_PRECONDITIONS, Preconditions


def preconditions_for(if_revision: int | None) -> Preconditions:
    """Return the precondition of the argument, which may be absent or null."""
    return NO_PRECONDITIONS if if_revision is UNSET else Preconditions.for_revision(if_revision)
