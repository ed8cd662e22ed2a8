"""Plans: what is sent to the database for a selection, one flat SELECT per relation level, and where things stand in its rows.

Every SELECT brings, in this order: the columns of the level's shapes and the keys by which children are found, each once; the
order keys if cursors are wanted; and last the parent's place among the parents' keys (of a target that many may bear: the places
of all of them).
"""

from dataclasses import dataclass

from services.query_engine.compiled_statement import CompiledStatement
from services.query_engine.entity_types import Entity, Relation
from services.query_engine.planning.row_mapper import RowMapper


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """A child of a shape: under which response key, at which column of the parent's rows its key stands, and how it is read."""

    key: str
    key_index: int
    relation: Relation
    plan: "Plan"


@dataclass(frozen=True, slots=True)
class ProjectionPlan:
    """How rows become trees of a shape, the columns of its texts with how often each is selected, and its children."""

    map_rows: RowMapper
    text_columns: tuple[tuple[int, int], ...]
    children: tuple[ChildPlan, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """One level: its statement, that of its total count if asked, and where things stand in its rows."""

    entity: Entity
    statement: CompiledStatement
    count_statement: CompiledStatement | None
    projections: tuple[ProjectionPlan, ...]
    cursor_columns: slice | None
