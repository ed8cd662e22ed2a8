"""The shape that REST answers by default: all columns of an entity, and under their names the relations in `include=`."""

from collections.abc import Mapping
from typing import Any

from services.errors import InvalidInput
from services.reading.entities import Borne, Entity, ToOne
from services.reading.graph import ENTITIES
from services.reading.pages import MAX_PAGE
from services.reading.selection import Child, Leaf, Level, One, Rows, Shape, View, Window

MAX_INCLUDE_DEPTH = 5

Includes = Mapping[str, "Includes"]


def parse_include(entity: Entity, include: str | None) -> Includes:
    """Return `tags,subtasks.tags` as a tree. Raises InvalidInput, naming what could be included instead."""
    tree: dict[str, Any] = {}
    for path in filter(None, (part.strip() for part in (include or "").split(","))):
        _graft(tree, entity, path)
    return tree


def _graft(tree: dict[str, Any], entity: Entity, path: str) -> None:
    steps = path.split(".")
    if len(steps) > MAX_INCLUDE_DEPTH:
        raise InvalidInput.at("/include", f"include nests at most {MAX_INCLUDE_DEPTH} deep.")
    for step in steps:
        if step not in entity.relations:
            known = ", ".join(entity.relations) or "nothing"
            raise InvalidInput.at("/include", f"A {entity.noun} cannot include “{step[:50]}”; it can include: {known}.")
        tree = tree.setdefault(step, {})
        entity = ENTITIES[entity.relations[step].target]


def default_shape(entity: Entity, includes: Includes | None = None) -> Shape:
    """Return all columns, in the order of the wire, and then what is included."""
    leaves = (Leaf(column, column) for column in entity.columns)
    children = (Child(name, name, _included(entity, name, deeper)) for name, deeper in (includes or {}).items())
    return Shape((*leaves, *children))


def _included(entity: Entity, name: str, deeper: Includes) -> Level:
    relation = entity.relations[name]
    shapes = (default_shape(ENTITIES[relation.target], deeper),)
    if isinstance(relation, ToOne | Borne):
        return Level(relation.target, One(), shapes)
    return Level(relation.target, Rows(), shapes, window=Window(MAX_PAGE))


def default_view(entity: Entity, includes: Includes | None = None) -> View:
    """Return the view that answers one row in its default shape."""
    return View(One(), (default_shape(entity, includes),))
