"""Plans: the SELECT statement of each query node, and the layout of its rows.

The columns of a SELECT are, in this order: the columns of the projections and the keys of the child nodes, each once; the order
keys if cursors are needed; in a child node, the number of the parent's key (many-to-many: an array of all parents' numbers).
"""

from dataclasses import dataclass

from models.sql.statement import Statement
from services.query_engine.entity_types import Entity, Relation
from services.query_engine.planning.row_mapper import RowMapper


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """Child of a projection: its response key, the index of its key in the parent's rows, and its plan."""

    key: str
    key_index: int
    relation: Relation
    plan: "Plan"


@dataclass(frozen=True, slots=True)
class ProjectionPlan:
    """Plan of a projection: the row mapper, the long text columns as (index, number of selections), and the children."""

    map_rows: RowMapper
    text_columns: tuple[tuple[int, int], ...]
    children: tuple[ChildPlan, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of a query node: its statements, and the layout of the rows.

    `bounded_statement` is the statement that stops at the byte budget of texts, for pages that could exceed it: a row has at
    most `max_row_bytes` of texts. If the result shows them, `count_statement` reads the total count, and `outside_statement`
    whether rows precede the start.
    """

    entity: Entity
    statement: Statement
    bounded_statement: Statement | None
    text_columns: tuple[tuple[int, int], ...]
    max_row_bytes: int
    count_statement: Statement | None
    outside_statement: Statement | None
    projections: tuple[ProjectionPlan, ...]
    cursor_columns: slice | None
