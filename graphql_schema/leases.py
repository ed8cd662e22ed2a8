"""Sessions and API tokens as finished trees: few rows, which the read engine has nothing to do with."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql_schema.execution import Reading, SelectedField
from models.scopes import Scope
from services.reading.names import snake
from services.transactions import Snapshot


def shown(field: SelectedField, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is selected of a row, under its response keys."""
    spelled = {**row, "__typename": field.type.name}
    if "scopes" in row:
        spelled["scopes"] = [Scope(scope).name for scope in row["scopes"]]
    return {member.key: spelled[snake(member.name)] for member in field.members()}


def reading_of(field: SelectedField, listed: Callable[[Snapshot], Sequence[Mapping[str, Any]]]) -> Reading:
    """Return how a list of rows is read."""
    return lambda snapshot: [shown(field, row) for row in listed(snapshot)]
