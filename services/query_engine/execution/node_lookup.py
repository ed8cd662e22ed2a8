"""Lookup of the entity of an id. Ids are unique per user across all entities, but do not contain the entity."""

from sqlalchemy import any_, literal_column, select, union_all
from sqlalchemy.pool import PoolProxiedConnection

from models.sql import fetch
from services.query_engine.compiled_statement import compile_statement, ids_param, user_id_param
from services.query_engine.entity_registry import ENTITIES, NODE_ENTITIES
from services.query_engine.entity_types import Entity
from services.query_engine.sql_types import SqlSelect


def find_entity_by_id(connection: PoolProxiedConnection, user_id: str, row_id: str) -> Entity | None:
    """Return the entity of the active row with this id, or None."""
    rows = fetch(connection, _LOOKUP.text, {"user_id": user_id, "ids": [row_id]})
    return ENTITIES[rows[0][0]] if rows else None


def _lookup(entity: Entity) -> SqlSelect:
    columns = entity.table.c
    conditions = columns.user_id == user_id_param(), columns.id == any_(ids_param(columns.id.type)), columns.deleted_at.is_(None)
    return select(literal_column(f"'{entity.name}'")).where(*conditions)


_LOOKUP = compile_statement(union_all(*(_lookup(entity) for entity in NODE_ENTITIES)))
