"""Result formats: conversion of the rows of one parent to a result, with its type."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from services.json_types import JsonObject, JsonValue

Row: TypeAlias = tuple[Any, ...]
# For each projection of the query node, the JSON objects of the parent's rows.
Projected: TypeAlias = Sequence[list[JsonObject]]
Result_co = TypeVar("Result_co", covariant=True)


@dataclass(slots=True, kw_only=True)  # not frozen: creation would take twice as long, and there is one for each parent
class ParentRows:
    """The rows of one parent, at most a page of them, in the order of the result.

    `has_more`: more rows follow in the direction of paging. `has_rows_outside`: rows precede the start of the page.
    """

    rows: Sequence[Row]
    has_more: bool = False
    is_backward: bool = False
    has_rows_outside: bool = False
    total_count: int | None = None
    encode_cursor: Callable[[Row], str] | None = None

    def cursor(self, index: int) -> str | None:
        """Return the cursor of the row at this index, or None if there is none."""
        return self.encode_cursor(self.rows[index]) if self.rows and self.encode_cursor else None

    def page_info_value(self, name: str) -> bool | str | None:
        """Return has_next_page, has_previous_page, start_cursor or end_cursor."""
        match name:
            case "has_next_page":
                return self.has_rows_outside if self.is_backward else self.has_more
            case "has_previous_page":
                return self.has_more if self.is_backward else self.has_rows_outside
            case "start_cursor":
                return self.cursor(0)
            case _:
                return self.cursor(-1)


class ResultFormat(ABC, Generic[Result_co]):
    """Converts the rows of one parent to a result of one type. Formats are compared by value; equal ones share a plan."""

    __slots__ = ()

    @property
    def needs_cursors(self) -> bool:
        """Return whether the result holds cursors."""
        return False

    @property
    def needs_total_count(self) -> bool:
        """Return whether the result holds the number of rows on all pages."""
        return False

    def needs_page_info(self, name: str) -> bool:
        """Return whether the result holds this page info, such as has_next_page."""
        return False

    @abstractmethod
    def format_result(self, page: ParentRows, projected: Projected) -> Result_co:
        """Return the result for one parent."""


@dataclass(frozen=True, slots=True)
class SingleRow(ResultFormat[JsonObject | None]):
    """The object of a single row, or None."""

    def format_result(self, page: ParentRows, projected: Projected) -> JsonObject | None:
        """Return the object."""
        return projected[0][0] if projected[0] else None


@dataclass(frozen=True, slots=True)
class RowList(ResultFormat[list[JsonObject]]):
    """The objects of all rows."""

    def format_result(self, page: ParentRows, projected: Projected) -> list[JsonObject]:
        """Return the list."""
        return projected[0]


@dataclass(frozen=True, slots=True)
class PageResult:
    """One page of objects, and the cursor of the next page, if there is one."""

    objects: list[JsonObject]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class CursorPage(ResultFormat[PageResult]):
    """One page with the cursor of the next."""

    @property
    def needs_cursors(self) -> bool:
        """Return True."""
        return True

    def format_result(self, page: ParentRows, projected: Projected) -> PageResult:
        """Return the page."""
        return PageResult(projected[0], page.cursor(-1) if page.has_more else None)


@dataclass(frozen=True, slots=True)
class RowWithRevision:
    """The selected part of a row, and the row's revision, whether selected or not."""

    row: JsonObject
    revision: int


@dataclass(frozen=True, slots=True)
class RevisionedRow(ResultFormat[RowWithRevision | None]):
    """A single row with its revision; the second projection is the column `revision` alone."""

    def format_result(self, page: ParentRows, projected: Projected) -> RowWithRevision | None:
        """Return the row, or None."""
        if not page.rows:
            return None
        revision = projected[1][0]["revision"]
        assert isinstance(revision, int)  # noqa: S101
        return RowWithRevision(projected[0][0], revision)


@dataclass(frozen=True, slots=True)
class LiteralField:
    """A text known beforehand (`__typename`) under a response key."""

    key: str
    text: str


# Fields of an object around rows: response keys with the index of a projection, or a constant.
WrapperFields: TypeAlias = tuple[tuple[str, int | LiteralField], ...]


@dataclass(frozen=True, slots=True)
class WrappedRow(ResultFormat[JsonObject | None]):
    """An object around a single row, such as a GraphQL payload, or None if there is no row."""

    fields: WrapperFields

    def format_result(self, page: ParentRows, projected: Projected) -> JsonObject | None:
        """Return the object."""
        if not page.rows:
            return None
        return {key: value.text if isinstance(value, LiteralField) else projected[value][0] for key, value in self.fields}


@dataclass(frozen=True, slots=True)
class WrappedRows(ResultFormat[JsonObject]):
    """An object around all rows, such as a GraphQL payload."""

    fields: WrapperFields

    def format_result(self, page: ParentRows, projected: Projected) -> JsonObject:
        """Return the object."""
        return {key: value.text if isinstance(value, LiteralField) else projected[value] for key, value in self.fields}


@dataclass(frozen=True, slots=True)
class ConnectionNodes:
    """A connection's `nodes`: the objects of one projection."""

    key: str
    projection: int


@dataclass(frozen=True, slots=True)
class ConnectionEdges:
    """A connection's `edges`; each field is "cursor", the index of a projection, or a constant."""

    key: str
    fields: tuple[tuple[str, str | int | LiteralField], ...]


@dataclass(frozen=True, slots=True)
class ConnectionPageInfo:
    """A connection's `pageInfo`; each field is a response key with a name such as has_next_page, or a constant."""

    key: str
    fields: tuple[tuple[str, str | LiteralField], ...]


@dataclass(frozen=True, slots=True)
class ConnectionTotal:
    """A connection's `totalCount`; takes a separate statement, one for all parents."""

    key: str


ConnectionField: TypeAlias = ConnectionNodes | ConnectionEdges | ConnectionPageInfo | ConnectionTotal | LiteralField


@dataclass(frozen=True, slots=True)
class RelayConnection(ResultFormat[JsonObject]):
    """One page as a GraphQL connection object."""

    fields: tuple[ConnectionField, ...]

    @property
    def needs_cursors(self) -> bool:
        """Return whether a cursor is selected, in an edge or in the page info."""
        return any(
            (isinstance(field, ConnectionEdges) and any(value == "cursor" for _, value in field.fields))
            or (isinstance(field, ConnectionPageInfo) and any(str(name).endswith("_cursor") for _, name in field.fields))
            for field in self.fields
        )

    @property
    def needs_total_count(self) -> bool:
        """Return whether the total count is selected."""
        return any(isinstance(field, ConnectionTotal) for field in self.fields)

    def needs_page_info(self, name: str) -> bool:
        """Return whether this page info is selected."""
        return any(
            isinstance(field, ConnectionPageInfo) and any(value == name for _, value in field.fields) for field in self.fields
        )

    def format_result(self, page: ParentRows, projected: Projected) -> JsonObject:
        """Return the connection."""
        return {field.key: _connection_value(field, page, projected) for field in self.fields}


def _connection_value(field: ConnectionField, page: ParentRows, projected: Projected) -> JsonValue:
    match field:
        case ConnectionNodes(projection=number):
            return projected[number]
        case ConnectionEdges(fields=fields):
            return [_edge(fields, page, projected, index) for index in range(len(page.rows))]
        case ConnectionPageInfo(fields=fields):
            return {key: name.text if isinstance(name, LiteralField) else page.page_info_value(name) for key, name in fields}
        case ConnectionTotal():
            return page.total_count
        case LiteralField(text=text):
            return text


def _edge(
    fields: tuple[tuple[str, str | int | LiteralField], ...], page: ParentRows, projected: Projected, index: int
) -> JsonObject:
    edge: JsonObject = {}
    for key, value in fields:
        match value:
            case int():
                edge[key] = projected[value][index]
            case LiteralField(text=text):
                edge[key] = text
            case _:
                edge[key] = page.cursor(index)
    return edge
