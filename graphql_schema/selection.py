"""GraphQL selections → levels and views of the read engine."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLEnumType

from graphql_schema.execution import SelectedField
from services.errors import InvalidInput
from services.reading.entity_registry import ACCOUNT, COMMENT, ENTITIES, TAG, TASK, TASK_LIST
from services.reading.entity_types import Entity, ManyToMany, ToOne
from services.reading.filters import parse_filter
from services.reading.names import snake, snake_keys
from services.reading.pages import DEFAULT_PAGE, MAX_PAGE
from services.reading.search import searched
from services.reading.selection import (
    Child,
    Condition,
    Connection,
    Constant,
    Edges,
    Envelope,
    Leaf,
    Level,
    Nodes,
    One,
    Order,
    PageInfo,
    Search,
    Shape,
    TotalCount,
    View,
    Window,
)

TYPE_NAMES = {TASK.name: "Task", TASK_LIST.name: "TaskList", TAG.name: "Tag", COMMENT.name: "Comment", ACCOUNT.name: "Viewer"}


def shape_of(field: SelectedField, entity: Entity) -> Shape:
    """Return what is selected of an entity."""
    members = field.members(field.object_type(TYPE_NAMES[entity.name]))
    return Shape(tuple(_shape_member(member, entity) for member in members))


def view_of(field: SelectedField, entity: Entity) -> View:
    """Return the view of a single row."""
    return View(One(), (shape_of(field, entity),))


def payload_of(field: SelectedField, noun: str, entity: Entity, *, many: bool = False) -> View:
    """Return the view of a payload, in which the rows stand under `noun`; what else it holds is not read here."""
    shapes: list[Shape] = []
    members: list[tuple[str, int | Constant]] = []
    for member in field.members():
        if member.name == noun:
            shapes.append(shape_of(member, entity))
            members.append((member.key, len(shapes) - 1))
        elif member.name == "__typename":
            members.append((member.key, _typename(member)))
    return View(Envelope(tuple(members), many=many), tuple(shapes))


def page_of(field: SelectedField, entity: Entity) -> Level:
    """Return the level that answers a connection. Raises InvalidInput."""
    arguments = field.arguments
    shapes: list[Shape] = []

    def shaped(member: SelectedField) -> int:
        shapes.append(shape_of(member, entity))
        return len(shapes) - 1

    members = tuple(_connection_member(member, shaped) for member in field.members())
    return Level(
        entity.name,
        Connection(members),
        tuple(shapes),
        condition=_condition(entity, arguments),
        search=_search(arguments),
        order=_order(arguments.get("orderBy") or ()),
        window=_window(arguments),
    )


def _shape_member(member: SelectedField, entity: Entity) -> Leaf | Constant | Child:
    if member.name == "__typename":
        return _typename(member)
    relation = entity.relations.get(member.name)
    if relation is None:
        return Leaf(member.key, snake(member.name), upper=isinstance(member.type, GraphQLEnumType))
    target = ENTITIES[relation.target]
    if isinstance(relation, ToOne | ManyToMany):
        return Child(member.key, member.name, Level(target.name, One(), (shape_of(member, target),)))
    return Child(member.key, member.name, page_of(member, target))


def _typename(member: SelectedField) -> Constant:
    return Constant(member.key, member.parent.name)


def _connection_member(
    member: SelectedField, shaped: Callable[[SelectedField], int]
) -> Nodes | Edges | PageInfo | TotalCount | Constant:
    match member.name:
        case "nodes":
            return Nodes(member.key, shaped(member))
        case "edges":
            return Edges(member.key, tuple((part.key, _edge_member(part, shaped)) for part in member.members()))
        case "pageInfo":
            return PageInfo(member.key, tuple((part.key, _fact(part)) for part in member.members()))
        case "totalCount":
            return TotalCount(member.key)
        case _:
            return _typename(member)


def _edge_member(member: SelectedField, shaped: Callable[[SelectedField], int]) -> str | int | Constant:
    match member.name:
        case "cursor":
            return "cursor"
        case "node":
            return shaped(member)
        case _:
            return _typename(member)


def _fact(member: SelectedField) -> str | Constant:
    return _typename(member) if member.name == "__typename" else snake(member.name)


def _window(arguments: Mapping[str, Any]) -> Window:
    last, before = arguments.get("last"), arguments.get("before")
    backward = last is not None or before is not None
    if backward and arguments.get("after") is not None:
        raise InvalidInput.at("/after", "Page forward (first, after) or backward (last, before), not both.")
    size = last if last is not None else arguments.get("first")
    size = DEFAULT_PAGE if size is None else size
    if not 0 <= size <= MAX_PAGE:
        raise InvalidInput.at("/last" if last is not None else "/first", f"A page has 0 to {MAX_PAGE} rows.")
    cursor = before if backward else arguments.get("after")
    return Window(size, backward=backward, bounded=cursor is not None, cursor=cursor, argument="before" if backward else "after")


def _condition(entity: Entity, arguments: Mapping[str, Any]) -> Condition | None:
    tree = arguments.get("filter")
    return None if tree is None else parse_filter(entity, snake_keys(tree))


def _search(arguments: Mapping[str, Any]) -> Search | None:
    text = searched(arguments.get("search"))
    return None if text is None else Search(text)


def _order(terms: Any) -> tuple[Order, ...]:
    order = tuple(Order(term["field"].value, term["direction"].value == "desc") for term in terms)
    if len({term.sort for term in order}) < len(order):
        raise InvalidInput.at("/orderBy", "Order by each field at most once.")
    return order
