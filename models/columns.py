"""Declarations of the columns that both APIs publish, and of columns that are computed when a row is written.

A column declared with `api_column` (or a `DerivedColumn`) is returned by the REST and the GraphQL API. The entity registry of the
services combines the declaration with the column's SQL type; response schemas, filters and sort keys are built from it. A column
declared with `computed_column` or SQLModel's own `Field` stays private.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import get_annotations
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table
from sqlmodel import Field, SQLModel

Expression = Callable[[FromClause], ColumnElement[Any]]

_INFO_KEY, _COMPUTATION_KEY = "api", "computation"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnInfo:
    """Metadata of a published column that its annotation does not contain.

    `sort_key` is the name of the sort order by this column; without one, the APIs do not sort by it. `sorted_by` is the column
    that is compared then, if it is another one. `value_type` is the type of the values in JSON if it differs from the annotation
    (an enum stored as text). The members of an ordinal enum are declared in
    ascending order: its values can be compared with `lt` and `gt`.
    """

    description: str
    example: object = None
    filterable: bool = True
    sort_key: str | None = None
    sorted_by: str | None = None
    value_type: Any = None
    is_ordinal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedColumn(ColumnInfo):
    """A published column that is computed when it is read. Declare it as a ClassVar of the table, with its `value_type`."""

    expression: Expression


def api_column(  # noqa: PLR0913 - one argument for each field of ColumnInfo
    description: str,
    *,
    example: object = None,
    filterable: bool = True,
    sort_key: str | None = None,
    sorted_by: str | None = None,
    value_type: Any = None,
    is_ordinal: bool = False,
    **field_arguments: Any,
) -> Any:
    """Declare a stored column that both APIs publish. `field_arguments` are passed to SQLModel's `Field`."""
    info = ColumnInfo(
        description=description,
        example=example,
        filterable=filterable,
        sort_key=sort_key,
        sorted_by=sorted_by,
        value_type=value_type,
        is_ordinal=is_ordinal,
    )
    return Field(description=description, sa_column_kwargs={"info": {_INFO_KEY: info}}, **field_arguments)


def computed_column(compute: Callable[..., object], *sources: str, **field_arguments: Any) -> Any:
    """Declare a private column that `compute` returns from the values of other columns, whenever one of these is written.

    It is null if the first of these values is. `field_arguments` are passed to SQLModel's `Field`.
    """
    return Field(sa_column_kwargs={"info": {_COMPUTATION_KEY: (compute, sources)}}, **field_arguments)


def with_computed_columns(model: type[SQLModel], values: Mapping[str, Any], row: SQLModel | None = None) -> dict[str, Any]:
    """Return the values to write, with those of the columns computed from them. A value that is not written is the row's."""
    computed = dict(values)
    for column in table_of(model).columns:
        compute, sources = column.info.get(_COMPUTATION_KEY, (None, ()))
        if not values.keys().isdisjoint(sources):
            arguments = [values[source] if source in values else getattr(row, source, None) for source in sources]
            computed[column.name] = None if arguments[0] is None else compute(*arguments)
    return computed


def table_of(model: type[SQLModel]) -> Table:
    """Return the SQLAlchemy table of a table class."""
    table: Table = model.__table__  # type: ignore[attr-defined] # SQLAlchemy sets it on every table class
    return table


def published_columns(model: type[SQLModel]) -> Mapping[str, ColumnInfo]:
    """Return the published columns of a table by name: the id, those of the base classes, then those of the table.

    A column that a subclass declares again comes in the order of the subclass.
    """
    published: dict[str, ColumnInfo] = {}
    for base in reversed(model.__mro__):
        for name in get_annotations(base):
            published.pop(name, None)
            info = _column_info(model, name)
            if info is not None:
                published[name] = info
    return {"id": published.pop("id"), **published}


def _column_info(model: type[SQLModel], name: str) -> ColumnInfo | None:
    column = table_of(model).c.get(name)
    if column is not None:
        stored: ColumnInfo | None = column.info.get(_INFO_KEY)
        return stored
    derived = getattr(model, name, None)
    return derived if isinstance(derived, DerivedColumn) else None
