"""Finds out what an id stands for. Ids are unique to a user across all kinds of rows, but do not tell their kind."""

from typing import Any

from sqlalchemy import Connection, literal, select, union_all

from services.reading.entities import Entity
from services.reading.graph import ENTITIES, NODES


def entity_of(connection: Connection, user_id: str, row_id: str) -> Entity | None:
    """Return the kind of the living row that has this id."""
    name = connection.scalar(union_all(*(_lookup(entity, user_id, row_id) for entity in NODES)).limit(1))
    return ENTITIES[name] if name is not None else None


def _lookup(entity: Entity, user_id: str, row_id: str) -> Any:
    columns = entity.table.c
    mine = columns.user_id == user_id, columns.id == row_id, columns.deleted_at.is_(None)
    return select(literal(entity.name).label("name")).where(*mine)
