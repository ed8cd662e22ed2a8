"""The vocabulary in which graph.py declares entities and relations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table

Expression = Callable[[FromClause], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Key:
    """One thing an order compares; never null, so that a cursor can compare it too. A fixed key ignores `descending`."""

    expression: Expression
    kind: type[Any]
    fixed: bool = False


Sort = tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Filterable:
    """A column that filters may speak of, with which operators, and the Python type of their operands.

    Where larger and smaller are not what the database makes of the column, `rank` gives what is compared instead.
    """

    kind: type[Any]
    operators: frozenset[str]
    rank: Callable[[ColumnElement[Any]], ColumnElement[Any]] | None = None


@dataclass(frozen=True, slots=True)
class Searchable:
    """What full-text search looks at: a tsvector column, the text columns it is made of, and how well a row fits."""

    vector: str
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
class Pairs:
    """A many-to-many table: (user_id, near, far), near being the parent's side."""

    table: Table
    near: str
    far: str


@dataclass(frozen=True, slots=True)
class Borne:
    """Many-to-many, few and all of them: each target is read once, together with the parents that bear it."""

    target: str
    pairs: Pairs


@dataclass(frozen=True, slots=True)
class Bearers:
    """Many-to-many, a page per parent."""

    target: str
    pairs: Pairs


Relation = ToOne | ToMany | Borne | Bearers


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """One kind of thing that can be read. `sorts` names the orders; the id decides among equals."""

    name: str
    noun: str
    table: Table
    columns: Mapping[str, Expression]
    sorts: Mapping[str, Sort]
    default_sort: tuple[str, bool]
    relations: Mapping[str, Relation] = field(default_factory=dict)
    filters: Mapping[str, Filterable] = field(default_factory=dict)
    searchable: Searchable | None = None
