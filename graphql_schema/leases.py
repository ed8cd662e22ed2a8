"""Sessions and API tokens as finished trees: few rows, which the read engine has nothing to do with."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql_schema.execution import Reading, SelectedField
from models.scopes import Scope
from services.reading.names import snake
from services.transactions import Snapshot

Row = Mapping[str, Any]


def shown(field: SelectedField) -> Callable[[Row], dict[str, Any]]:
    """Return what shows what is selected of a row, under its response keys."""
    type_name = field.type.name
    columns = [(member.key, snake(member.name)) for member in field.members()]

    def show(row: Row) -> dict[str, Any]:
        spelled = {**row, "__typename": type_name}
        if "scopes" in row:
            spelled["scopes"] = [Scope(scope).name for scope in row["scopes"]]
        return {key: spelled[column] for key, column in columns}

    return show


def reading_of(field: SelectedField, listed: Callable[[Snapshot], Sequence[Row]]) -> Reading:
    """Return how a list of rows is read."""
    show = shown(field)
    return lambda snapshot, _: [show(row) for row in listed(snapshot)]
