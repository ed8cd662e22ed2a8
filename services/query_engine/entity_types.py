"""Types of the entity registry: entities, their columns, filters, sort keys and relations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table

from models.columns import Expression

ALWAYS_LAST = frozenset({"created_at", "updated_at", "revision"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """A column as the APIs return it. `has_long_text`: its texts count towards the limit of one response."""

    description: str
    example: object
    value_type: Any
    is_nullable: bool
    has_long_text: bool
    expression: Expression


@dataclass(frozen=True, slots=True)
class SortKey:
    """One value that a sort order compares; never null, so that a cursor can compare it too. A fixed key ignores `descending`."""

    expression: Expression
    kind: type[Any]
    fixed: bool = False


SortKeys = tuple[SortKey, ...]


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """The operators that filters may apply to a column, and the Python type of their operands.

    `rank` maps values to numbers for the range operators, where the database would order the values differently.
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
    """Full-text search: the tsvector column, the text columns from which it is made, and the relevance of a row."""

    vector_column: str
    columns: tuple[str, ...]
    relevance: SortKeys


@dataclass(frozen=True, slots=True)
class ToOne:
    """The parent's `column` holds the target's id."""

    target: str
    column: str
    description: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class ToMany:
    """The target's `column` holds the parent's id; each parent gets its own page."""

    target: str
    column: str
    description: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class JoinTable:
    """A many-to-many table: (user_id, own_column, other_column), own_column being the parent's side."""

    table: Table
    own_column: str
    other_column: str


@dataclass(frozen=True, slots=True)
class ManyToMany:
    """Many-to-many without pages: each target is read once, together with all parents that it belongs to."""

    target: str
    join: JoinTable
    description: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class PaginatedManyToMany:
    """Many-to-many, a page per parent."""

    target: str
    join: JoinTable
    description: str = field(compare=False)


Relation = ToOne | ToMany | ManyToMany | PaginatedManyToMany


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entity:
    """One kind of object that can be read.

    `columns` are in the order of their declaration. `sort_keys` are named by what clients send; the id decides among equals.
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
