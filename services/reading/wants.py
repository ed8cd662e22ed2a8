"""What a layout wants besides the rows."""

from services.reading.selection import Connection, Edges, Level, Page, PageInfo, TotalCount


def wants_cursors(level: Level) -> bool:
    """Tell whether the answer holds cursors."""
    match level.layout:
        case Page():
            return True
        case Connection(members):
            return any(
                (isinstance(member, Edges) and any(what == "cursor" for _, what in member.members))
                or (isinstance(member, PageInfo) and any(str(fact).endswith("_cursor") for _, fact in member.members))
                for member in members
            )
        case _:
            return False


def wants_total(level: Level) -> bool:
    """Tell whether the answer says how many rows there are on all pages."""
    return isinstance(level.layout, Connection) and any(isinstance(member, TotalCount) for member in level.layout.members)
