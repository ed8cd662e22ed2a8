"""Query model: what a request reads, as a tree of query nodes. Both APIs build it; the planner compiles it.

Everything here is immutable and hashable, and values (operands, cursors, page sizes, ids) do not take part in comparing. So two
queries of the same shape are equal, and share one plan.
"""

from dataclasses import dataclass, field, replace
from typing import Generic

from services.json_types import JsonValue
from services.query_engine.result_format import LiteralField, Result_co, ResultFormat

ProjectionFields = tuple["ColumnField | LiteralField | RelationField", ...]

MAX_NESTING = 20  # relations within relations
MAX_RELATIONS = 100  # relations in all; each needs a statement


@dataclass(frozen=True, slots=True)
class ColumnField:
    """A column under a response key; `upper` spells an enum the way GraphQL does."""

    key: str
    column: str
    upper: bool = False


@dataclass(frozen=True, slots=True)
class RelationField:
    """A relation under a response key."""

    key: str
    relation: str
    node: "QueryNode[JsonValue]"


@dataclass(frozen=True, slots=True)
class Projection:
    """What each row looks like: its members in the order of the answer."""

    fields: ProjectionFields


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One term of an order: a sort of the entity (or, of what a search found, its relevance), and its direction."""

    sort: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page: `size` rows after (or, backward, before) a cursor, if there is one; `argument` is where that came from."""

    size: int = field(compare=False)
    backward: bool = False
    has_cursor: bool = False
    cursor: str | None = field(default=None, compare=False)
    argument: str = field(default="cursor", compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`column operator value`, for the operators of entity_types.FilterSpec."""

    column: str
    operator: str
    value: object = field(compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds; without parts, always."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds; without parts, never."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class RelationFilter:
    """`some`, `none` or `every` row of the relation fulfils the part; a relation to one has `some` where it leads anywhere."""

    relation: str
    quantifier: str
    part: "Condition"


Condition = Comparison | And | Or | Not | RelationFilter


@dataclass(frozen=True, slots=True)
class Search:
    """A full-text search, as the caller wrote it."""

    text: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class QueryNode(Generic[Result_co]):
    """One relation level of a query: which rows of an entity, in which order, on which page, and in which result format.

    With `by_ids`, the rows are those named in `ids`, in that order.
    """

    entity: str
    result_format: ResultFormat[Result_co]
    projections: tuple[Projection, ...]
    by_ids: bool = False
    ids: tuple[str, ...] = field(default=(), compare=False)
    condition: Condition | None = None
    search: Search | None = None
    order: tuple[OrderTerm, ...] = ()
    page: PageRequest | None = None
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Hash the tree once: it is looked up on every request."""
        shape = (
            self.entity,
            self.result_format,
            self.projections,
            self.by_ids,
            self.condition,
            self.search,
            self.order,
            self.page,
        )
        object.__setattr__(self, "_hash", hash(shape))

    def __hash__(self) -> int:
        """Return the hash of the shape."""
        return self._hash

    def with_cursor(self, cursor: str | None) -> "QueryNode[Result_co]":
        """Return the node with its page at another cursor."""
        if self.page is None or cursor == self.page.cursor:
            return self
        return replace(self, page=replace(self.page, cursor=cursor))


@dataclass(frozen=True, slots=True)
class RowSelection(Generic[Result_co]):
    """What the client selects of rows that are found by their ids, such as those that a command changed."""

    result_format: ResultFormat[Result_co]
    projections: tuple[Projection, ...]

    def for_ids(self, entity: str, *ids: str) -> QueryNode[Result_co]:
        """Return the query node that reads these rows."""
        return QueryNode(entity, self.result_format, self.projections, by_ids=True, ids=ids)
