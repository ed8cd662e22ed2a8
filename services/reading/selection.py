"""What a request wants, as plain data: a tree of levels. Both doors speak this; only planner.py reads it.

Everything here is frozen and hashable, and values (operands, cursors, page sizes, ids) do not take part in comparing. So two
selections of the same shape are equal, and share one plan.
"""

from dataclasses import dataclass, field, replace
from typing import Any

Members = tuple["Leaf | Constant | Child", ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column under a response key; `upper` spells an enum the way GraphQL does."""

    key: str
    column: str
    upper: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """A text known beforehand (`__typename`) under a response key."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Child:
    """A relation under a response key."""

    key: str
    relation: str
    level: "Level"


@dataclass(frozen=True, slots=True)
class Shape:
    """What each row looks like: its members in the order of the answer."""

    members: Members


@dataclass(frozen=True, slots=True)
class One:
    """Answer a single row's tree, or None."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Answer the trees of all rows, as a list."""


@dataclass(frozen=True, slots=True)
class Page:
    """Answer one page as a services.reading.pages.Slice: the trees, and the cursor of the next page if there is one."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """A connection's `nodes`: trees of the level's shape number `shape`."""

    key: str
    shape: int


@dataclass(frozen=True, slots=True)
class Edges:
    """A connection's `edges`, each edge with members (response key, what): what is "cursor", a shape's number, or a Constant."""

    key: str
    members: tuple[tuple[str, "str | int | Constant"], ...]


@dataclass(frozen=True, slots=True)
class PageInfo:
    """A connection's `pageInfo`: members (response key, fact), fact being has_next_page, …, or a Constant."""

    key: str
    members: tuple[tuple[str, "str | Constant"], ...]


@dataclass(frozen=True, slots=True)
class TotalCount:
    """How many rows there are on all pages; costs a statement of its own, for all parents together."""

    key: str


@dataclass(frozen=True, slots=True)
class Connection:
    """Answer one page as a GraphQL connection object."""

    members: tuple[Nodes | Edges | PageInfo | TotalCount | Constant, ...]


@dataclass(frozen=True, slots=True)
class Envelope:
    """Answer an object around the rows, such as a GraphQL payload: (response key, shape number or Constant).

    A shape's number stands for the one row's tree, or with `many` for the trees of all rows.
    """

    members: tuple[tuple[str, int | Constant], ...]
    many: bool = False


Layout = One | Rows | Page | Connection | Envelope


@dataclass(frozen=True, slots=True)
class Order:
    """One term of an order: a sort of the entity (or, of what a search found, its relevance), and its direction."""

    sort: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Which page: `size` rows after (or, backward, before) a cursor, if there is one; `argument` is where that came from."""

    size: int = field(compare=False)
    backward: bool = False
    bounded: bool = False
    cursor: str | None = field(default=None, compare=False)
    argument: str = field(default="cursor", compare=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """`column operator value`, for the operators of entity_types.FilterSpec."""

    column: str
    operator: str
    value: Any = field(compare=False)


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; without parts, always."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds; without parts, never."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class Related:
    """`some`, `none` or `every` row of the relation fulfils the part; a relation to one has `some` where it leads anywhere."""

    relation: str
    quantifier: str
    part: "Condition"


Condition = Compare | All | Some | Not | Related


@dataclass(frozen=True, slots=True)
class Search:
    """A full-text search, as the caller wrote it."""

    text: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Level:
    """One relation level: which rows of an entity, in which order, on which page, looking how.

    With `by_ids`, the rows are those named in `ids`, in that order.
    """

    entity: str
    layout: Layout
    shapes: tuple[Shape, ...]
    by_ids: bool = False
    ids: tuple[str, ...] = field(default=(), compare=False)
    condition: Condition | None = None
    search: Search | None = None
    order: tuple[Order, ...] = ()
    window: Window | None = None
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Hash the tree once: it is looked up on every request."""
        shape = (self.entity, self.layout, self.shapes, self.by_ids, self.condition, self.search, self.order, self.window)
        object.__setattr__(self, "_hash", hash(shape))

    def __hash__(self) -> int:
        """Return the hash of the shape."""
        return self._hash

    def at(self, cursor: str | None) -> "Level":
        """Return the level with its page at another cursor."""
        if self.window is None or cursor == self.window.cursor:
            return self
        return replace(self, window=replace(self.window, cursor=cursor))


@dataclass(frozen=True, slots=True)
class View:
    """How the caller of a command wants to see the rows it changed."""

    layout: Layout
    shapes: tuple[Shape, ...]

    def of(self, entity: str, *ids: str) -> Level:
        """Return the level that shows these rows so."""
        return Level(entity, self.layout, self.shapes, by_ids=True, ids=ids)
