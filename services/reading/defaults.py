"""What REST answers: of each row all columns, or those in `fields=`; nested under their names the relations in `include=`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from models.queries import RowQuery
from services.errors import InvalidInput
from services.reading.budget import MAX_LEVELS, MAX_NESTING
from services.reading.entities import Borne, Entity, ToOne
from services.reading.graph import ENTITIES
from services.reading.pages import MAX_PAGE
from services.reading.selection import Child, Envelope, Leaf, Level, One, Rows, Shape, View, Window

MAX_SHAPES = 64  # remembered
_REVISION = Shape((Leaf("revision", "revision"),))


@dataclass(slots=True)
class Wish:
    """What is wanted of an entity: which columns (none named: all), and which relations."""

    entity: Entity
    columns: set[str] = field(default_factory=set)
    relations: "dict[str, Wish]" = field(default_factory=dict)


def wish(entity: Entity, include: str = "", fields: str = "") -> Wish:
    """Read `include=tags,subtasks.tags` and `fields=id,title,tags.name`; the latter includes what it leads through.

    Raises InvalidInput, naming what could be asked for instead.
    """
    wanted = Wish(entity)
    for path in _paths(include):
        _walked(wanted, path, "/include")
    for *relations, last in _paths(fields):
        place = _walked(wanted, relations, "/fields")
        if last in place.entity.relations:
            _walked(place, [last], "/fields")
        elif last in place.entity.columns:
            place.columns.add(last)
        else:
            raise _unknown(place.entity, last, "/fields", [*place.entity.columns, *place.entity.relations])
    if _levels(wanted) > MAX_LEVELS:
        raise InvalidInput.at("/include", f"One request includes at most {MAX_LEVELS} relations.")
    return wanted


@lru_cache(maxsize=MAX_SHAPES)
def wished_shape(entity: Entity, include: str, fields: str) -> Shape:
    """Return the shape of what is wished for; clients repeat their wishes. Raises InvalidInput."""
    return default_shape(wish(entity, include, fields))


def default_shape(wanted: Wish) -> Shape:
    """Return the columns, in the order of the wire, and then what is included."""
    columns = wanted.entity.columns
    leaves = (Leaf(column, column) for column in columns if not wanted.columns or column in wanted.columns)
    children = (Child(name, name, _included(wanted.entity, name, deeper)) for name, deeper in wanted.relations.items())
    return Shape((*leaves, *children))


def default_view(entity: Entity) -> View:
    """Return the view that answers one row in its default shape."""
    return View(One(), (default_shape(Wish(entity)),))


def wished_view(entity: Entity, query: RowQuery) -> View:
    """Return the view that answers {row: …, stamp: {revision: …}}: a row keeps its ETag however little of it is wanted."""
    return View(Envelope((("row", 0), ("stamp", 1))), (wished_shape(entity, query.include, query.fields), _REVISION))


def _paths(text: str) -> Iterator[list[str]]:
    return (path.strip().split(".") for path in text.split(",") if path.strip())


def _walked(wanted: Wish, path: list[str], pointer: str) -> Wish:
    """Follow the relations, wishing for those that are not wished for yet."""
    if len(path) > MAX_NESTING:
        raise InvalidInput.at(pointer, f"Relations nest at most {MAX_NESTING} deep.")
    for name in path:
        relation = wanted.entity.relations.get(name)
        if relation is None:
            raise _unknown(wanted.entity, name, pointer, wanted.entity.relations)
        wanted = wanted.relations.setdefault(name, Wish(ENTITIES[relation.target]))
    return wanted


def _unknown(entity: Entity, name: str, pointer: str, known: Iterable[str]) -> InvalidInput:
    return InvalidInput.at(pointer, f"A {entity.noun} has no “{name[:50]}” here; it has: {', '.join(known) or 'nothing'}.")


def _levels(wanted: Wish) -> int:
    return sum(1 + _levels(deeper) for deeper in wanted.relations.values())


def _included(entity: Entity, name: str, deeper: Wish) -> Level:
    relation = entity.relations[name]
    shapes = (default_shape(deeper),)
    if isinstance(relation, ToOne | Borne):
        return Level(relation.target, One(), shapes)
    return Level(relation.target, Rows(), shapes, window=Window(MAX_PAGE))
