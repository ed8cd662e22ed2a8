"""Operator inputs: the comparisons of a filter on one field. If several operators are set, all must match."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry import UNSET

from graphql_schema.types.enums import Priority, Status
from services.query_engine.entity_types import FilterSpec


def optional_field(description: str, name: str | None = None) -> Any:
    """Declare an optional input field."""
    return strawberry.field(name=name, default=UNSET, description=description)


_EQ, _NE, _IN = "Equal.", "Not equal (and not null).", "One of these values."
_LT, _LTE, _GT, _GTE = "Less than.", "Less than or equal.", "Greater than.", "Greater than or equal."
_NULL = "Is null (true) or not null (false)."


@strawberry.input(description="ID filter.")
class IdFilter:
    """Operators on an id."""

    eq: strawberry.ID | None = optional_field(_EQ)
    ne: strawberry.ID | None = optional_field(_NE)
    in_: list[strawberry.ID] | None = optional_field(_IN, "in")


@strawberry.input(description="ID filter for an optional reference.")
class ReferenceFilter(IdFilter):
    """Operators on an optional reference."""

    is_null: bool | None = optional_field(_NULL)


@strawberry.input(description="String filter.")
class TextFilter:
    """Operators on a string."""

    contains: str | None = optional_field("Contains this text, ignoring case.")
    eq: str | None = optional_field(_EQ)
    ne: str | None = optional_field(_NE)
    in_: list[str] | None = optional_field(_IN, "in")


@strawberry.input(description="Filter for an optional string.")
class OptionalTextFilter(TextFilter):
    """Operators on an optional string."""

    is_null: bool | None = optional_field(_NULL)


@strawberry.input(description="Task status filter.")
class TaskStatusFilter:
    """Operators on a status."""

    eq: Status | None = optional_field(_EQ)
    ne: Status | None = optional_field(_NE)
    in_: list[Status] | None = optional_field(_IN, "in")


@strawberry.input(description="Task priority filter; URGENT is the highest priority.")
class TaskPriorityFilter:
    """Operators on a priority."""

    eq: Priority | None = optional_field(_EQ)
    ne: Priority | None = optional_field(_NE)
    in_: list[Priority] | None = optional_field(_IN, "in")
    lt: Priority | None = optional_field(_LT)
    lte: Priority | None = optional_field(_LTE)
    gt: Priority | None = optional_field(_GT)
    gte: Priority | None = optional_field(_GTE)


@strawberry.input(description="Boolean filter.")
class BooleanFilter:
    """Operators on a boolean."""

    eq: bool | None = optional_field(_EQ)
    ne: bool | None = optional_field(_NE)


@strawberry.input(description="Integer filter.")
class IntFilter:
    """Operators on an integer."""

    eq: int | None = optional_field(_EQ)
    ne: int | None = optional_field(_NE)
    in_: list[int] | None = optional_field(_IN, "in")
    lt: int | None = optional_field(_LT)
    lte: int | None = optional_field(_LTE)
    gt: int | None = optional_field(_GT)
    gte: int | None = optional_field(_GTE)


@strawberry.input(description="Number filter.")
class FloatFilter:
    """Operators on a number."""

    eq: float | None = optional_field(_EQ)
    ne: float | None = optional_field(_NE)
    in_: list[float] | None = optional_field(_IN, "in")
    lt: float | None = optional_field(_LT)
    lte: float | None = optional_field(_LTE)
    gt: float | None = optional_field(_GT)
    gte: float | None = optional_field(_GTE)


@strawberry.input(description="Date and time filter.")
class DateTimeFilter:
    """Operators on a date and time."""

    eq: datetime | None = optional_field(_EQ)
    ne: datetime | None = optional_field(_NE)
    in_: list[datetime] | None = optional_field(_IN, "in")
    lt: datetime | None = optional_field("Before.")
    lte: datetime | None = optional_field("At or before.")
    gt: datetime | None = optional_field("After.")
    gte: datetime | None = optional_field("At or after.")


@strawberry.input(description="Filter for an optional date and time.")
class OptionalDateTimeFilter(DateTimeFilter):
    """Operators on an optional date and time."""

    is_null: bool | None = optional_field(_NULL)


_INPUTS: Mapping[tuple[type[Any], bool], type[Any]] = {
    (UUID, False): IdFilter,
    (UUID, True): ReferenceFilter,
    (str, False): TextFilter,
    (str, True): OptionalTextFilter,
    (Status, False): TaskStatusFilter,
    (Priority, False): TaskPriorityFilter,
    (bool, False): BooleanFilter,
    (int, False): IntFilter,
    (float, False): FloatFilter,
    (datetime, False): DateTimeFilter,
    (datetime, True): OptionalDateTimeFilter,
}


def operators_for(spec: FilterSpec) -> type[Any]:
    """Return the operator input for a column. Raises TypeError if its type has none yet."""
    operators = _INPUTS.get((spec.kind, spec.is_nullable))
    if operators is None:
        optional = "optional " if spec.is_nullable else ""
        msg = (
            f"No operator input for {optional}{spec.kind.__name__} columns; add one to graphql_schema/types/filter_operators.py."
        )
        raise TypeError(msg)
    return operators
