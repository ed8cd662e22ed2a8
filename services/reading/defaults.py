"""What REST answers: of each row all columns, or those in `fields=`; nested under their names the relations in `include=`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from models.queries import RowQuery
from services.errors import InvalidInput
from services.json_values import JsonObject, JsonValue
from services.reading.budget import MAX_LEVELS, MAX_NESTING
from services.reading.entity_registry import ENTITIES
from services.reading.entity_types import Entity, ManyToMany, ToOne
from services.reading.layouts import RevisionedRow, RowList, RowWithRevision, SingleRow
from services.reading.pages import MAX_PAGE
from services.reading.selection import Child, Leaf, QueryNode, RowSelection, Shape, Window

MAX_SHAPES = 64  # remembered
_REVISION = Shape((Leaf("revision", "revision"),))


@dataclass(slots=True)
class Wish:
    """What is wanted of an entity: which columns (None: all), and which relations."""

    entity: Entity
    columns: set[str] | None = None
    relations: "dict[str, Wish]" = field(default_factory=dict)


def wish(entity: Entity, include: str = "", fields: str = "") -> Wish:
    """Read `include=tags,subtasks.tags` and `fields=id,title,tags.name`.

    An entity that `fields` leads to or through shows what is named there and nothing else; a relation named last shows all of it.
    Raises InvalidInput, naming what could be asked for instead.
    """
    wanted = Wish(entity)
    for path in _paths(include):
        _walked(wanted, path, "/include")
    for path in _paths(fields):
        _thinned(wanted, path)
    if _levels(wanted) > MAX_LEVELS:
        raise InvalidInput.at_pointer(
            "/fields" if fields else "/include", f"One request includes at most {MAX_LEVELS} relations."
        )
    return wanted


@lru_cache(maxsize=MAX_SHAPES)
def wished_shape(entity: Entity, include: str, fields: str) -> Shape:
    """Return the shape of what is wished for; clients repeat their wishes. Raises InvalidInput."""
    return default_shape(wish(entity, include, fields))


def default_shape(wanted: Wish) -> Shape:
    """Return the columns, in the order of the wire, and then what is included."""
    leaves = (Leaf(column, column) for column in wanted.entity.json_columns if wanted.columns is None or column in wanted.columns)
    children = (Child(name, name, _included(wanted.entity, name, deeper)) for name, deeper in wanted.relations.items())
    return Shape((*leaves, *children))


def default_row_selection(entity: Entity) -> RowSelection[JsonObject | None]:
    """Return the selection of all columns of one row."""
    return RowSelection(SingleRow(), (default_shape(Wish(entity)),))


def row_selection_for(entity: Entity, query: RowQuery) -> RowSelection[RowWithRevision | None]:
    """Return the selection of one row with its revision: the row has an ETag however little of it is selected."""
    return RowSelection(RevisionedRow(), (wished_shape(entity, query.include, query.fields), _REVISION))


def _paths(text: str) -> Iterator[list[str]]:
    return (path.strip().split(".") for path in text.split(",") if path.strip())


def _walked(wanted: Wish, path: list[str], pointer: str) -> None:
    """Follow the relations, wishing for those that are not wished for yet."""
    _check_depth(path, pointer)
    for name in path:
        wanted = _related(wanted, name, pointer, wanted.entity.relations)


def _thinned(wanted: Wish, path: list[str]) -> None:
    """Follow the relations to what is named last; on the way, nothing is wanted but what is named."""
    _check_depth(path, "/fields")
    for name in path[:-1]:
        wanted.columns = wanted.columns or set()
        wanted = _related(wanted, name, "/fields", wanted.entity.relations)
    wanted.columns = wanted.columns or set()
    if path[-1] in wanted.entity.columns:
        wanted.columns.add(path[-1])
    else:
        _related(wanted, path[-1], "/fields", [*wanted.entity.columns, *wanted.entity.relations])


def _check_depth(path: list[str], pointer: str) -> None:
    if len(path) > MAX_NESTING:
        raise InvalidInput.at_pointer(pointer, f"Relations nest at most {MAX_NESTING} deep.")


def _related(wanted: Wish, name: str, pointer: str, known: Iterable[str]) -> Wish:
    relation = wanted.entity.relations.get(name)
    if relation is None:
        raise _unknown(wanted.entity, name, pointer, known)
    return wanted.relations.setdefault(name, Wish(ENTITIES[relation.target]))


def _unknown(entity: Entity, name: str, pointer: str, known: Iterable[str]) -> InvalidInput:
    return InvalidInput.at_pointer(
        pointer, f"A {entity.display_name} has no “{name[:50]}” here; it has: {', '.join(known) or 'nothing'}."
    )


def _levels(wanted: Wish) -> int:
    return sum(1 + _levels(deeper) for deeper in wanted.relations.values())


def _included(entity: Entity, name: str, deeper: Wish) -> QueryNode[JsonValue]:
    relation = entity.relations[name]
    shapes = (default_shape(deeper),)
    if isinstance(relation, ToOne | ManyToMany):
        return QueryNode(relation.target, SingleRow(), shapes)
    return QueryNode(relation.target, RowList(), shapes, window=Window(MAX_PAGE))
