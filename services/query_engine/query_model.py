"""Query model: tree of query nodes that describes a read. Both APIs build it; the planner compiles it.

All classes are immutable and hashable. Values (operands, cursors, page sizes, ids) are excluded from comparison, so queries that
differ only in values are equal and share one plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Generic

from services.json_types import JsonValue
from services.query_engine.result_format import LiteralField, Result_co, ResultFormat

ProjectionFields = tuple["ColumnField | LiteralField | RelationField", ...]

MAX_NESTING = 20  # levels of nested relations
MAX_RELATIONS = 100  # relations of a query; each needs a statement


@dataclass(frozen=True, slots=True)
class ColumnField:
    """A column under a response key; `upper` converts enum values to GraphQL's spelling."""

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
    """Selected fields of a row, in the order of the response."""

    fields: ProjectionFields

    @property
    def has_relations(self) -> bool:
        """Return whether fields of related rows are selected."""
        return any(isinstance(field, RelationField) for field in self.fields)


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One term of a sort order: a sort key of the entity (or, for a search, "relevance") and the direction."""

    sort: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class PageCursor:
    """Cursor of a row that limits a page; `argument` is its name in errors."""

    text: str = field(compare=False)
    argument: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Requested page: the first (if backward: the last) `size` of the rows after one cursor and before the other, if any.

    With `last`, only the last rows of this page, at most so many.
    """

    size: int = field(compare=False)
    backward: bool = False
    after: PageCursor | None = None
    before: PageCursor | None = None
    last: int | None = field(default=None, compare=False)

    @property
    def start(self) -> PageCursor | None:
        """Return the cursor at which reading starts: `after`, if backward `before`."""
        return self.before if self.backward else self.after

    @property
    def end(self) -> PageCursor | None:
        """Return the other cursor, at which reading ends."""
        return self.after if self.backward else self.before

    @property
    def start_flag(self) -> str:
        """Return the name of the page info that shows whether rows were skipped at the start."""
        return "has_next_page" if self.backward else "has_previous_page"

    def with_cursors(self, texts: Mapping[str, str | None]) -> "PageRequest":
        """Return a copy with the cursors that the arguments with these names contain; the structure stays the same."""
        after, before = _with_text(self.after, texts), _with_text(self.before, texts)
        return self if after is self.after and before is self.before else replace(self, after=after, before=before)


def _with_text(cursor: PageCursor | None, texts: Mapping[str, str | None]) -> PageCursor | None:
    text = texts.get(cursor.argument) if cursor else None
    return cursor if cursor is None or text is None or text == cursor.text else replace(cursor, text=text)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`column operator value`, for the operators of entity_types.FilterSpec."""

    column: str
    operator: str
    value: object = field(compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """Conjunction; true without parts."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Disjunction; false without parts."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Negation: true if the part is false or null."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class RelationFilter:
    """True if `some`, `none` or `every` related row fulfils the part; for a to-one relation, `some` means the related row."""

    relation: str
    quantifier: str
    part: "Condition"


Condition = Comparison | And | Or | Not | RelationFilter


@dataclass(frozen=True, slots=True)
class Search:
    """Full-text search, with the text that the client sent."""

    text: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class QueryNode(Generic[Result_co]):
    """One relation of a query: its entity, condition, search, order, page, projections and result format.

    With `by_ids`, the rows are those with the `ids`, in that order.
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
        """Compute the hash once: every request looks the node up in the plan cache."""
        structure = (
            self.entity,
            self.result_format,
            self.projections,
            self.by_ids,
            self.condition,
            self.search,
            self.order,
            self.page,
        )
        object.__setattr__(self, "_hash", hash(structure))

    def __hash__(self) -> int:
        """Return the hash of the structure, without values."""
        return self._hash

    def with_cursors(self, texts: Mapping[str, str | None]) -> "QueryNode[Result_co]":
        """Return a copy of the node with other cursors, by the names of their arguments."""
        page = self.page.with_cursors(texts) if self.page else None
        return self if page is self.page else replace(self, page=page)


@dataclass(frozen=True, slots=True)
class RowSelection(Generic[Result_co]):
    """Fields that the client selects of rows that are read by id, such as the rows that a mutation changed."""

    result_format: ResultFormat[Result_co]
    projections: tuple[Projection, ...]

    @property
    def is_composed(self) -> bool:
        """Return whether the result holds related rows, so that the row's revision does not determine it."""
        return any(projection.has_relations for projection in self.projections)

    def for_ids(self, entity: str, *ids: str) -> QueryNode[Result_co]:
        """Return the query node for these rows."""
        return QueryNode(entity, self.result_format, self.projections, by_ids=True, ids=ids)
