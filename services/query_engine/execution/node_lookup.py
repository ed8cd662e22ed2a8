"""Lookup of the entities of ids. Ids are unique per user across all entities, but do not contain the entity."""

from collections.abc import Mapping, Sequence

from sqlalchemy import any_, literal_column, select, union_all
from sqlalchemy.pool import PoolProxiedConnection

from models.sql.execution import fetch
from services.query_engine.compiled_statement import compile_statement, ids_param, user_id_param
from services.query_engine.entity_registry import NODE_ENTITIES
from services.query_engine.entity_types import Entity
from services.query_engine.sql_types import SqlSelect


def find_entity_by_id(connection: PoolProxiedConnection, user_id: str, row_id: str) -> Entity | None:
    """Return the entity of the active row with this id, or None.

    Rows of different entities may share an id that was given to both before this was refused; the first entity is preferred.
    """
    rows = fetch(connection, _LOOKUP, {"user_id": user_id, "ids": [row_id]})
    active = {name for name, _, is_active in rows if is_active}
    return next((entity for entity in NODE_ENTITIES if entity.name in active), None)


def find_entities_by_ids(connection: PoolProxiedConnection, user_id: str, ids: Sequence[str]) -> Mapping[str, Sequence[Entity]]:
    """Return for each id the entities that have a row with it, deleted or not, in one statement."""
    found = {(name, row_id) for name, row_id, _ in fetch(connection, _LOOKUP, {"user_id": user_id, "ids": list(ids)})}
    return {row_id: [entity for entity in NODE_ENTITIES if (entity.name, row_id) in found] for row_id in ids}


def _lookup(entity: Entity) -> SqlSelect:
    columns = entity.table.c
    conditions = columns.user_id == user_id_param(), columns.id == any_(ids_param(columns.id.type))
    return select(literal_column(f"'{entity.name}'"), columns.id, columns.deleted_at.is_(None)).where(*conditions)


_LOOKUP = compile_statement(union_all(*(_lookup(entity) for entity in NODE_ENTITIES)))
