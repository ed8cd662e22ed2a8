"""Argument `ifRevision` of mutations that change one row."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from services.preconditions import NO_PRECONDITIONS, Preconditions

IfRevision = Annotated[
    int | None, strawberry.argument(description="Optimistic concurrency: fails with PRECONDITION_FAILED if the revision differs.")
]


def preconditions_for(if_revision: int | None) -> Preconditions:
    """Return the precondition of the argument, which may be absent or null."""
    return NO_PRECONDITIONS if if_revision is UNSET else Preconditions.for_revision(if_revision)
