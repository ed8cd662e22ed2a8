"""Projections for REST responses: all columns or those in `fields=`, and the relations in `include=` as nested objects."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from models.schemas.query_params import MAX_PAGE_SIZE, RowQuery
from services.errors import InvalidInput
from services.json_types import JsonObject, JsonValue
from services.query_engine.entity_registry import ENTITIES
from services.query_engine.entity_types import Entity, ManyToMany, ToOne
from services.query_engine.query_model import (
    MAX_NESTING,
    MAX_RELATIONS,
    ColumnField,
    PageRequest,
    Projection,
    QueryNode,
    RelationField,
    RowSelection,
)
from services.query_engine.result_format import RevisionedRow, RowList, RowWithRevision, SingleRow

MAX_CACHED_PROJECTIONS = 64
_REVISION = Projection((ColumnField("revision", "revision"),))


@dataclass(slots=True)
class FieldSelection:
    """Selected columns (None: all) and relations of an entity."""

    entity: Entity
    columns: set[str] | None = None
    relations: "dict[str, FieldSelection]" = field(default_factory=dict)


def parse_field_selection(entity: Entity, include: str = "", fields: str = "") -> FieldSelection:
    """Parse `include=tags,subtasks.tags` and `fields=id,title,tags.name`.

    An entity on a path of `fields` has only the fields that are named there; a relation at the end of a path has all columns.
    Raises InvalidInput with the available names.
    """
    selection = FieldSelection(entity)
    for path in _paths(include):
        _apply_include(selection, path, "/include")
    for path in _paths(fields):
        _apply_fields(selection, path)
    if _count_relations(selection) > MAX_RELATIONS:
        raise InvalidInput.at_pointer("/fields" if fields else "/include", f"At most {MAX_RELATIONS} relations per request.")
    return selection


@lru_cache(maxsize=MAX_CACHED_PROJECTIONS)
def projection_for(entity: Entity, include: str, fields: str) -> Projection:
    """Return the projection; cached, since clients repeat their parameters. Raises InvalidInput."""
    return build_projection(parse_field_selection(entity, include, fields))


def build_projection(selection: FieldSelection) -> Projection:
    """Return the projection: the columns in the order of the JSON object, then the included relations."""
    columns = (
        ColumnField(column, column)
        for column in selection.entity.json_columns
        if selection.columns is None or column in selection.columns
    )
    relations = (
        RelationField(name, name, _related_node(selection.entity, name, nested)) for name, nested in selection.relations.items()
    )
    return Projection((*columns, *relations))


def default_row_selection(entity: Entity) -> RowSelection[JsonObject | None]:
    """Return the selection of all columns of one row."""
    return RowSelection(SingleRow(), (build_projection(FieldSelection(entity)),))


def default_rows_selection(entity: Entity) -> RowSelection[list[JsonObject]]:
    """Return the selection of all columns of several rows."""
    return RowSelection(RowList(), (build_projection(FieldSelection(entity)),))


def row_selection_for(entity: Entity, query: RowQuery) -> RowSelection[RowWithRevision | None]:
    """Return the selection of one row with its revision: the ETag is sent whichever fields are selected."""
    return RowSelection(RevisionedRow(), (projection_for(entity, query.include, query.fields), _REVISION))


def _paths(text: str) -> Iterator[list[str]]:
    return (path.strip().split(".") for path in text.split(",") if path.strip())


def _apply_include(selection: FieldSelection, path: list[str], pointer: str) -> None:
    """Add the relations of the path to the selection, with all columns."""
    _check_depth(path, pointer)
    for name in path:
        selection = _select_relation(selection, name, pointer, selection.entity.relations)


def _apply_fields(selection: FieldSelection, path: list[str]) -> None:
    """Add the relations of the path and its last field to the selection; entities on the way have no other columns."""
    _check_depth(path, "/fields")
    for name in path[:-1]:
        selection.columns = selection.columns or set()
        selection = _select_relation(selection, name, "/fields", selection.entity.relations)
    selection.columns = selection.columns or set()
    if path[-1] in selection.entity.columns:
        selection.columns.add(path[-1])
    else:
        _select_relation(selection, path[-1], "/fields", [*selection.entity.columns, *selection.entity.relations])


def _check_depth(path: list[str], pointer: str) -> None:
    if len(path) > MAX_NESTING:
        raise InvalidInput.at_pointer(pointer, f"Relations can be nested at most {MAX_NESTING} levels deep.")


def _select_relation(selection: FieldSelection, name: str, pointer: str, available: Iterable[str]) -> FieldSelection:
    relation = selection.entity.relations.get(name)
    if relation is None:
        raise _unknown_field(selection.entity, name, pointer, available)
    return selection.relations.setdefault(name, FieldSelection(ENTITIES[relation.target]))


def _unknown_field(entity: Entity, name: str, pointer: str, available: Iterable[str]) -> InvalidInput:
    return InvalidInput.at_pointer(
        pointer, f'{entity.display_name.capitalize()} has no field "{name[:50]}". Available: {", ".join(available) or "none"}.'
    )


def _count_relations(selection: FieldSelection) -> int:
    return sum(1 + _count_relations(nested) for nested in selection.relations.values())


def _related_node(entity: Entity, name: str, selection: FieldSelection) -> QueryNode[JsonValue]:
    relation = entity.relations[name]
    projections = (build_projection(selection),)
    if isinstance(relation, ToOne | ManyToMany):
        return QueryNode(relation.target, SingleRow(), projections)
    return QueryNode(relation.target, RowList(), projections, page=PageRequest(MAX_PAGE_SIZE))
