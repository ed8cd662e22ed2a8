"""What REST answers: of each row all columns, or those in `fields=`; nested under their names the relations in `include=`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from models.query_params import MAX_PAGE_SIZE, RowQuery
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

MAX_CACHED_PROJECTIONS = 64  # remembered
_REVISION = Projection((ColumnField("revision", "revision"),))


@dataclass(slots=True)
class FieldSelection:
    """What is wanted of an entity: which columns (None: all), and which relations."""

    entity: Entity
    columns: set[str] | None = None
    relations: "dict[str, FieldSelection]" = field(default_factory=dict)


def parse_field_selection(entity: Entity, include: str = "", fields: str = "") -> FieldSelection:
    """Read `include=tags,subtasks.tags` and `fields=id,title,tags.name`.

    An entity that `fields` leads to or through shows what is named there and nothing else; a relation named last shows all of it.
    Raises InvalidInput, naming what could be asked for instead.
    """
    wanted = FieldSelection(entity)
    for path in _paths(include):
        _apply_include(wanted, path, "/include")
    for path in _paths(fields):
        _apply_fields(wanted, path)
    if _count_relations(wanted) > MAX_RELATIONS:
        raise InvalidInput.at_pointer(
            "/fields" if fields else "/include", f"One request includes at most {MAX_RELATIONS} relations."
        )
    return wanted


@lru_cache(maxsize=MAX_CACHED_PROJECTIONS)
def projection_for(entity: Entity, include: str, fields: str) -> Projection:
    """Return the shape of what is wished for; clients repeat their wishes. Raises InvalidInput."""
    return build_projection(parse_field_selection(entity, include, fields))


def build_projection(selection: FieldSelection) -> Projection:
    """Return the columns, in the order of the wire, and then what is included."""
    leaves = (
        ColumnField(column, column)
        for column in selection.entity.json_columns
        if selection.columns is None or column in selection.columns
    )
    children = (
        RelationField(name, name, _included(selection.entity, name, deeper)) for name, deeper in selection.relations.items()
    )
    return Projection((*leaves, *children))


def default_row_selection(entity: Entity) -> RowSelection[JsonObject | None]:
    """Return the selection of all columns of one row."""
    return RowSelection(SingleRow(), (build_projection(FieldSelection(entity)),))


def row_selection_for(entity: Entity, query: RowQuery) -> RowSelection[RowWithRevision | None]:
    """Return the selection of one row with its revision: the row has an ETag however little of it is selected."""
    return RowSelection(RevisionedRow(), (projection_for(entity, query.include, query.fields), _REVISION))


def _paths(text: str) -> Iterator[list[str]]:
    return (path.strip().split(".") for path in text.split(",") if path.strip())


def _apply_include(selection: FieldSelection, path: list[str], pointer: str) -> None:
    """Follow the relations, wishing for those that are not wished for yet."""
    _check_depth(path, pointer)
    for name in path:
        selection = _related(selection, name, pointer, selection.entity.relations)


def _apply_fields(selection: FieldSelection, path: list[str]) -> None:
    """Follow the relations to what is named last; on the way, nothing is wanted but what is named."""
    _check_depth(path, "/fields")
    for name in path[:-1]:
        selection.columns = selection.columns or set()
        selection = _related(selection, name, "/fields", selection.entity.relations)
    selection.columns = selection.columns or set()
    if path[-1] in selection.entity.columns:
        selection.columns.add(path[-1])
    else:
        _related(selection, path[-1], "/fields", [*selection.entity.columns, *selection.entity.relations])


def _check_depth(path: list[str], pointer: str) -> None:
    if len(path) > MAX_NESTING:
        raise InvalidInput.at_pointer(pointer, f"Relations nest at most {MAX_NESTING} deep.")


def _related(selection: FieldSelection, name: str, pointer: str, known: Iterable[str]) -> FieldSelection:
    relation = selection.entity.relations.get(name)
    if relation is None:
        raise _unknown_field(selection.entity, name, pointer, known)
    return selection.relations.setdefault(name, FieldSelection(ENTITIES[relation.target]))


def _unknown_field(entity: Entity, name: str, pointer: str, known: Iterable[str]) -> InvalidInput:
    return InvalidInput.at_pointer(
        pointer, f"A {entity.display_name} has no “{name[:50]}” here; it has: {', '.join(known) or 'nothing'}."
    )


def _count_relations(selection: FieldSelection) -> int:
    return sum(1 + _count_relations(deeper) for deeper in selection.relations.values())


def _included(entity: Entity, name: str, deeper: FieldSelection) -> QueryNode[JsonValue]:
    relation = entity.relations[name]
    shapes = (build_projection(deeper),)
    if isinstance(relation, ToOne | ManyToMany):
        return QueryNode(relation.target, SingleRow(), shapes)
    return QueryNode(relation.target, RowList(), shapes, page=PageRequest(MAX_PAGE_SIZE))
