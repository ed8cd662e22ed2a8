"""Types of the entity registry: entities, their columns, filters, sort keys and relations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table

from models.columns import Expression

ALWAYS_LAST = frozenset({"created_at", "updated_at", "revision"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """Column as the APIs return it. `has_long_text`: its texts are charged to the text limit of a response."""

    description: str
    example: object
    value_type: Any
    is_nullable: bool
    has_long_text: bool
    expression: Expression


@dataclass(frozen=True, slots=True)
class SortKey:
    """Expression of a sort order; never null, so that cursors can compare it. A fixed key is always ascending."""

    expression: Expression
    kind: type[Any]
    fixed: bool = False


SortKeys = tuple[SortKey, ...]


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """Filter operators of a column, and the Python type of their operands.

    `rank` maps values to numbers for the range operators, if the database would order the values differently.
    """

    kind: type[Any]
    operators: frozenset[str]
    rank: Callable[[ColumnElement[Any]], ColumnElement[Any]] | None = None

    @property
    def is_nullable(self) -> bool:
        """Return whether the column can be null."""
        return "is_null" in self.operators


@dataclass(frozen=True, slots=True)
class SearchSpec:
    """Full-text search: the tsvector column, and the sort keys for relevance."""

    vector_column: str
    relevance: SortKeys


@dataclass(frozen=True, slots=True)
class ToOne:
    """Many-to-one relation: the parent's `column` contains the target's id."""

    target: str
    column: str
    description: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class ToMany:
    """One-to-many relation: the target's `column` contains the parent's id; each parent has its own page."""

    target: str
    column: str
    description: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class JoinTable:
    """Join table with the columns user_id, `own_column` (the parent's id) and `other_column` (the target's id)."""

    table: Table
    own_column: str
    other_column: str


@dataclass(frozen=True, slots=True)
class ManyToMany:
    """Many-to-many relation without pages: each target is read once, with the numbers of all its parents."""

    target: str
    join: JoinTable
    description: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class PaginatedManyToMany:
    """Many-to-many relation with a page per parent."""

    target: str
    join: JoinTable
    description: str = field(compare=False)


Relation = ToOne | ToMany | ManyToMany | PaginatedManyToMany


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entity:
    """Readable object type.

    `columns` are in the order of their declaration. The names of `sort_keys` are those that clients send; ties are broken by id.
    """

    name: str
    display_name: str
    table: Table
    columns: Mapping[str, ColumnSpec]
    sort_keys: Mapping[str, SortKeys]
    default_sort: tuple[str, bool]
    relations: Mapping[str, Relation] = field(default_factory=dict)
    filters: Mapping[str, FilterSpec] = field(default_factory=dict)
    search: SearchSpec | None = None

    @property
    def type_name(self) -> str:
        """Return the name of the entity's type in schemas: task_list → TaskList."""
        return self.name.title().replace("_", "")

    @property
    def example(self) -> dict[str, object]:
        """Return an example of the entity as a JSON object."""
        return {name: self.columns[name].example for name in self.json_columns}

    @property
    def json_columns(self) -> list[str]:
        """Return the names of the columns in the order of a JSON object: timestamps and revision come last."""
        return sorted(self.columns, key=ALWAYS_LAST.__contains__)
