"""Turns rows into trees, by a function made for each shape.

A dict display in generated code makes a row's tree in a third of the time of `dict(zip(keys, row))` (bench/RESULTS.md); the
standard library's dataclasses write their methods in the same way.
"""

from collections.abc import Callable, Mapping

from models.sql import Rows
from services.json_types import JsonObject

RowMapper = Callable[[Rows], list[JsonObject]]


def compile_row_mapper(members: Mapping[str, int | str | None]) -> RowMapper:
    """Return a function from rows to trees with these keys, in this order.

    A number is the place of a column in the row, a text stands for itself, and None keeps a key's place for later.
    """
    pairs = ", ".join(f"{key!r}: {_value(value)}" for key, value in members.items())
    build: RowMapper = eval(f"lambda rows: [{{{pairs}}} for row in rows]")  # noqa: S307 - nothing in it but literals and indices
    return build


def _value(value: int | str | None) -> str:
    return f"row[{value}]" if isinstance(value, int) else repr(value)
