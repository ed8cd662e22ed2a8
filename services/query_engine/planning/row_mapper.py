"""Row mapper: a generated function for each projection that maps rows to JSON objects.

A dict display in generated code takes a third of the time of `dict(zip(keys, row))` (bench/RESULTS.md); the standard library's
dataclasses generate their methods in the same way.
"""

from collections.abc import Callable, Mapping

from models.sql.execution import Rows
from services.json_types import JsonObject

RowMapper = Callable[[Rows], list[JsonObject]]


def compile_row_mapper(fields: Mapping[str, int | str | None]) -> RowMapper:
    """Return a function that maps rows to objects with these keys, in this order.

    A number is the index of a column, a text is a constant, and None is a placeholder for a value that is set later.
    """
    pairs = ", ".join(f"{key!r}: {_value(value)}" for key, value in fields.items())
    map_rows: RowMapper = eval(f"lambda rows: [{{{pairs}}} for row in rows]")  # noqa: S307 - the code consists of literals and indices
    return map_rows


def _value(value: int | str | None) -> str:
    return f"row[{value}]" if isinstance(value, int) else repr(value)
