"""Result formats: how the rows of one parent become a result, and of which type that is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from services.json_types import JsonObject, JsonValue

Row: TypeAlias = tuple[Any, ...]
# For each projection of the query node, the JSON objects of the parent's rows.
Projected: TypeAlias = Sequence[list[JsonObject]]
Result_co = TypeVar("Result_co", covariant=True)


@dataclass(slots=True, kw_only=True)  # not frozen, which makes it twice as slow to create: there is one for each parent
class ParentRows:
    """The rows of one parent, at most a page of them, in the order of the result.

    `has_more` is whether rows follow the page in the direction of paging, `has_cursor` whether it begins at a cursor.
    """

    rows: Sequence[Row]
    has_more: bool = False
    is_backward: bool = False
    has_cursor: bool = False
    total_count: int | None = None
    encode_cursor: Callable[[Row], str] | None = None

    def cursor(self, index: int) -> str | None:
        """Return the cursor of the row at this index, or None if there is none."""
        return self.encode_cursor(self.rows[index]) if self.rows and self.encode_cursor else None

    def page_info_value(self, name: str) -> bool | str | None:
        """Return has_next_page, has_previous_page, start_cursor or end_cursor."""
        match name:
            case "has_next_page":
                return self.has_cursor if self.is_backward else self.has_more
            case "has_previous_page":
                return self.has_more if self.is_backward else self.has_cursor
            case "start_cursor":
                return self.cursor(0)
            case _:
                return self.cursor(-1)


class ResultFormat(ABC, Generic[Result_co]):
    """Makes a result of one type from the rows of one parent. Formats are values: equal ones share a plan."""

    __slots__ = ()

    @property
    def needs_cursors(self) -> bool:
        """Return whether the result holds cursors."""
        return False

    @property
    def needs_total_count(self) -> bool:
        """Return whether the result holds the number of rows on all pages."""
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


# The members of an object around rows: response keys with the number of a projection, or a constant.
WrapperMembers: TypeAlias = tuple[tuple[str, int | LiteralField], ...]


@dataclass(frozen=True, slots=True)
class WrappedRow(ResultFormat[JsonObject | None]):
    """An object around a single row, such as a GraphQL payload, or None if there is no row."""

    members: WrapperMembers

    def format_result(self, page: ParentRows, projected: Projected) -> JsonObject | None:
        """Return the object."""
        if not page.rows:
            return None
        return {key: what.text if isinstance(what, LiteralField) else projected[what][0] for key, what in self.members}


@dataclass(frozen=True, slots=True)
class WrappedRows(ResultFormat[JsonObject]):
    """An object around all rows, such as a GraphQL payload."""

    members: WrapperMembers

    def format_result(self, page: ParentRows, projected: Projected) -> JsonObject:
        """Return the object."""
        return {key: what.text if isinstance(what, LiteralField) else projected[what] for key, what in self.members}


@dataclass(frozen=True, slots=True)
class ConnectionNodes:
    """A connection's `nodes`: the objects of one projection."""

    key: str
    projection: int


@dataclass(frozen=True, slots=True)
class ConnectionEdges:
    """A connection's `edges`; the members of each are "cursor", the number of a projection, or a constant."""

    key: str
    members: tuple[tuple[str, str | int | LiteralField], ...]


@dataclass(frozen=True, slots=True)
class ConnectionPageInfo:
    """A connection's `pageInfo`: members (response key, name), the name being has_next_page, …, or a constant."""

    key: str
    members: tuple[tuple[str, str | LiteralField], ...]


@dataclass(frozen=True, slots=True)
class ConnectionTotal:
    """A connection's `totalCount`; costs a statement of its own, for all parents together."""

    key: str


ConnectionMember: TypeAlias = ConnectionNodes | ConnectionEdges | ConnectionPageInfo | ConnectionTotal | LiteralField


@dataclass(frozen=True, slots=True)
class RelayConnection(ResultFormat[JsonObject]):
    """One page as a GraphQL connection object."""

    members: tuple[ConnectionMember, ...]

    @property
    def needs_cursors(self) -> bool:
        """Return whether a cursor is selected, in an edge or in the page info."""
        return any(
            (isinstance(member, ConnectionEdges) and any(what == "cursor" for _, what in member.members))
            or (isinstance(member, ConnectionPageInfo) and any(str(name).endswith("_cursor") for _, name in member.members))
            for member in self.members
        )

    @property
    def needs_total_count(self) -> bool:
        """Return whether the total count is selected."""
        return any(isinstance(member, ConnectionTotal) for member in self.members)

    def format_result(self, page: ParentRows, projected: Projected) -> JsonObject:
        """Return the connection."""
        return {member.key: _connection_value(member, page, projected) for member in self.members}


def _connection_value(member: ConnectionMember, page: ParentRows, projected: Projected) -> JsonValue:
    match member:
        case ConnectionNodes(projection=number):
            return projected[number]
        case ConnectionEdges(members=members):
            return [_edge(members, page, projected, index) for index in range(len(page.rows))]
        case ConnectionPageInfo(members=members):
            return {key: name.text if isinstance(name, LiteralField) else page.page_info_value(name) for key, name in members}
        case ConnectionTotal():
            return page.total_count
        case LiteralField(text=text):
            return text


def _edge(
    members: tuple[tuple[str, str | int | LiteralField], ...], page: ParentRows, projected: Projected, index: int
) -> JsonObject:
    edge: JsonObject = {}
    for key, what in members:
        match what:
            case int():
                edge[key] = projected[what][index]
            case LiteralField(text=text):
                edge[key] = text
            case _:
                edge[key] = page.cursor(index)
    return edge
