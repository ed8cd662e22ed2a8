"""How the rows of one parent become an answer: a single tree, a list, a page, or a GraphQL connection."""

from collections.abc import Sequence
from typing import Any

from services.reading.builders import Tree
from services.reading.pages import Cursors, Slice
from services.reading.selection import (
    Connection,
    Constant,
    Edges,
    Envelope,
    Layout,
    Nodes,
    One,
    Page,
    PageInfo,
    Rows,
    TotalCount,
    Window,
)


class Group:
    """The rows of one parent: at most as many as its window is large, in the order asked for."""

    def __init__(
        self,
        rows: list[tuple[Any, ...]],
        window: Window | None,
        cursor_columns: slice | None,
        cursors: Cursors | None,
        total: int | None,
    ) -> None:
        self._window = window
        self.more = window is not None and len(rows) > window.size
        self.rows = rows[: window.size] if self.more and window else rows
        if window is not None and window.backward:
            self.rows = self.rows[::-1]
        self._cursor_columns = cursor_columns
        self._cursors = cursors
        self.total = total

    def cursor(self, place: int) -> str | None:
        """Return the cursor of the row at this place, if there is one."""
        if not self.rows or self._cursors is None or self._cursor_columns is None:
            return None
        return self._cursors.write(self.rows[place][self._cursor_columns])

    def fact(self, name: str) -> bool | str | None:
        """Return a fact of the page: has_next_page, has_previous_page, start_cursor or end_cursor."""
        backward = self._window is not None and self._window.backward
        beyond_the_cursor = self._window is not None and self._window.cursor is not None
        match name:
            case "has_next_page":
                return beyond_the_cursor if backward else self.more
            case "has_previous_page":
                return self.more if backward else beyond_the_cursor
            case "start_cursor":
                return self.cursor(0)
            case _:
                return self.cursor(-1)


def lay_out(layout: Layout, group: Group, shaped: Sequence[list[Tree]]) -> Any:
    """Return the answer for one parent; `shaped` holds, for each shape of the level, the trees of the group's rows."""
    match layout:
        case One():
            return shaped[0][0] if shaped[0] else None
        case Rows():
            return shaped[0]
        case Page():
            return Slice(shaped[0], group.cursor(-1) if group.more else None)
        case Envelope(members, many):
            return _envelope(members, shaped, many=many) if many or group.rows else None
        case Connection(members):
            return {member.key: _member(member, group, shaped) for member in members}


def _envelope(members: tuple[tuple[str, int | Constant], ...], shaped: Sequence[list[Tree]], *, many: bool) -> Tree:
    return {key: what.text if isinstance(what, Constant) else shaped[what] if many else shaped[what][0] for key, what in members}


def _member(member: Nodes | Edges | PageInfo | TotalCount | Constant, group: Group, shaped: Sequence[list[Tree]]) -> Any:
    match member:
        case Nodes(shape=shape):
            return shaped[shape]
        case Edges(members=members):
            return [_edge(members, group, shaped, place) for place in range(len(group.rows))]
        case PageInfo(members=members):
            return {key: fact.text if isinstance(fact, Constant) else group.fact(fact) for key, fact in members}
        case TotalCount():
            return group.total
        case Constant(text=text):
            return text


def _edge(members: tuple[tuple[str, str | int | Constant], ...], group: Group, shaped: Sequence[list[Tree]], place: int) -> Tree:
    edge: Tree = {}
    for key, what in members:
        match what:
            case int():
                edge[key] = shaped[what][place]
            case Constant(text=text):
                edge[key] = text
            case _:
                edge[key] = group.cursor(place)
    return edge
