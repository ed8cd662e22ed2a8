"""The vocabulary in which entity_registry.py declares entities and relations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table

Expression = Callable[[FromClause], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class SortKey:
    """One thing an order compares; never null, so that a cursor can compare it too. A fixed key ignores `descending`."""

    expression: Expression
    kind: type[Any]
    fixed: bool = False


Sort = tuple[SortKey, ...]


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """A column that filters may speak of, with which operators, and the Python type of their operands.

    Where larger and smaller are not what the database makes of the column, `rank` gives what is compared instead.
    """

    kind: type[Any]
    operators: frozenset[str]
    rank: Callable[[ColumnElement[Any]], ColumnElement[Any]] | None = None


@dataclass(frozen=True, slots=True)
class SearchSpec:
    """What full-text search looks at: a tsvector column, the text columns it is made of, and how well a row fits."""

    vector_column: str
    columns: tuple[str, ...]
    relevance: Sort


@dataclass(frozen=True, slots=True)
class ToOne:
    """The parent's `column` holds the target's id."""

    target: str
    column: str


@dataclass(frozen=True, slots=True)
class ToMany:
    """The target's `column` holds the parent's id; each parent gets its own page."""

    target: str
    column: str


@dataclass(frozen=True, slots=True)
class JoinTable:
    """A many-to-many table: (user_id, own_column, other_column), own_column being the parent's side."""

    table: Table
    own_column: str
    other_column: str


@dataclass(frozen=True, slots=True)
class ManyToMany:
    """Many-to-many, few and all of them: each target is read once, together with the parents that bear it."""

    target: str
    join: JoinTable


@dataclass(frozen=True, slots=True)
class PaginatedManyToMany:
    """Many-to-many, a page per parent."""

    target: str
    join: JoinTable


Relation = ToOne | ToMany | ManyToMany | PaginatedManyToMany


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """One kind of thing that can be read. `sort_keys` names the orders; the id decides among equals."""

    name: str
    display_name: str
    table: Table
    columns: Mapping[str, Expression]
    sort_keys: Mapping[str, Sort]
    default_sort: tuple[str, bool]
    relations: Mapping[str, Relation] = field(default_factory=dict)
    filters: Mapping[str, FilterSpec] = field(default_factory=dict)
    search: SearchSpec | None = None
