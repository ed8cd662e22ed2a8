"""What filters can say about a single field; operators beside each other must all hold."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry import UNSET

from graphql_schema.enums import Priority, Status


def operand(text: str, name: str | None = None) -> Any:
    """Declare an input member that may be left out."""
    return strawberry.field(name=name, default=UNSET, description=text)


_EQ, _NE, _IN = "Is exactly this.", "Is something, but not this.", "Is one of these."
_LT, _LTE, _GT, _GTE = "Is less.", "Is less or the same.", "Is more.", "Is more or the same."
_NULL = "Is nothing (true) or something (false)."


@strawberry.input(description="Compares an id.")
class IdFilter:
    """Operators on an id."""

    eq: strawberry.ID | None = operand(_EQ)
    ne: strawberry.ID | None = operand(_NE)
    in_: list[strawberry.ID] | None = operand(_IN, "in")


@strawberry.input(description="Compares the id of something else.")
class ReferenceFilter(IdFilter):
    """Operators on a reference."""

    is_null: bool | None = operand("Refers to nothing (true) or to something (false).")


@strawberry.input(description="Compares a text.")
class TextFilter:
    """Operators on text."""

    contains: str | None = operand("Occurs in it, ignoring case.")
    eq: str | None = operand(_EQ)
    ne: str | None = operand(_NE)
    in_: list[str] | None = operand(_IN, "in")


@strawberry.input(description="Compares a text that may be absent.")
class OptionalTextFilter(TextFilter):
    """Operators on text or nothing."""

    is_null: bool | None = operand(_NULL)


@strawberry.input(description="Compares a status.")
class TaskStatusFilter:
    """Operators on a status."""

    eq: Status | None = operand(_EQ)
    ne: Status | None = operand(_NE)
    in_: list[Status] | None = operand(_IN, "in")


@strawberry.input(description="Compares a priority; URGENT is the most.")
class TaskPriorityFilter:
    """Operators on a priority."""

    eq: Priority | None = operand(_EQ)
    ne: Priority | None = operand(_NE)
    in_: list[Priority] | None = operand(_IN, "in")
    lt: Priority | None = operand(_LT)
    lte: Priority | None = operand(_LTE)
    gt: Priority | None = operand(_GT)
    gte: Priority | None = operand(_GTE)


@strawberry.input(description="Compares a yes or no.")
class BooleanFilter:
    """Operators on a boolean."""

    eq: bool | None = operand(_EQ)
    ne: bool | None = operand(_NE)


@strawberry.input(description="Compares a whole number.")
class IntFilter:
    """Operators on a whole number."""

    eq: int | None = operand(_EQ)
    ne: int | None = operand(_NE)
    in_: list[int] | None = operand(_IN, "in")
    lt: int | None = operand(_LT)
    lte: int | None = operand(_LTE)
    gt: int | None = operand(_GT)
    gte: int | None = operand(_GTE)


@strawberry.input(description="Compares a number.")
class FloatFilter:
    """Operators on a number."""

    eq: float | None = operand(_EQ)
    ne: float | None = operand(_NE)
    in_: list[float] | None = operand(_IN, "in")
    lt: float | None = operand(_LT)
    lte: float | None = operand(_LTE)
    gt: float | None = operand(_GT)
    gte: float | None = operand(_GTE)


@strawberry.input(description="Compares a time.")
class DateTimeFilter:
    """Operators on a time."""

    eq: datetime | None = operand(_EQ)
    ne: datetime | None = operand(_NE)
    in_: list[datetime] | None = operand(_IN, "in")
    lt: datetime | None = operand("Before.")
    lte: datetime | None = operand("Not after.")
    gt: datetime | None = operand("After.")
    gte: datetime | None = operand("Not before.")


@strawberry.input(description="Compares a time that may be absent.")
class OptionalDateTimeFilter(DateTimeFilter):
    """Operators on a time or nothing."""

    is_null: bool | None = operand(_NULL)
