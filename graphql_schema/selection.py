"""GraphQL selection sets to query nodes and row selections."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLEnumType

from graphql_schema.lookahead import SelectedField
from models.query_params import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from services.errors import InvalidInput
from services.json_types import JsonObject
from services.query_engine.case_conversion import keys_to_snake_case, to_snake_case
from services.query_engine.entity_registry import ACCOUNT, COMMENT, ENTITIES, TAG, TASK, TASK_LIST
from services.query_engine.entity_types import Entity, ManyToMany, ToOne
from services.query_engine.filter_parser import parse_filter
from services.query_engine.query_model import (
    ColumnField,
    Condition,
    OrderTerm,
    PageRequest,
    Projection,
    QueryNode,
    RelationField,
    RowSelection,
    Search,
)
from services.query_engine.result_format import (
    ConnectionEdges,
    ConnectionField,
    ConnectionNodes,
    ConnectionPageInfo,
    ConnectionTotal,
    LiteralField,
    RelayConnection,
    SingleRow,
    WrappedRow,
    WrappedRows,
    WrapperFields,
)
from services.query_engine.tsquery import validate_search

TYPE_NAMES = {TASK.name: "Task", TASK_LIST.name: "TaskList", TAG.name: "Tag", COMMENT.name: "Comment", ACCOUNT.name: "Viewer"}


def projection(field: SelectedField, entity: Entity) -> Projection:
    """Return what is selected of an entity."""
    members = field.children(field.object_type(TYPE_NAMES[entity.name]))
    return Projection(tuple(_projection_field(member, entity) for member in members))


def row_selection(field: SelectedField, entity: Entity) -> RowSelection[JsonObject | None]:
    """Return the selection of a single row."""
    return RowSelection(SingleRow(), (projection(field, entity),))


def payload_selection(field: SelectedField, name: str, entity: Entity) -> RowSelection[JsonObject | None]:
    """Return the selection of a payload that holds one row in the field `name`; other fields are not read here."""
    members, shapes = _payload(field, name, entity)
    return RowSelection(WrappedRow(members), shapes)


def list_payload_selection(field: SelectedField, name: str, entity: Entity) -> RowSelection[JsonObject]:
    """Return the selection of a payload that holds several rows in the field `name`."""
    members, shapes = _payload(field, name, entity)
    return RowSelection(WrappedRows(members), shapes)


def _payload(field: SelectedField, name: str, entity: Entity) -> tuple[WrapperFields, tuple[Projection, ...]]:
    shapes: list[Projection] = []
    members: list[tuple[str, int | LiteralField]] = []
    for child in field.children():
        if child.name == name:
            shapes.append(projection(child, entity))
            members.append((child.key, len(shapes) - 1))
        elif child.name == "__typename":
            members.append((child.key, _typename(child)))
    return tuple(members), tuple(shapes)


def connection_query(field: SelectedField, entity: Entity) -> QueryNode[JsonObject]:
    """Return the query node that reads a connection. Raises InvalidInput."""
    arguments = field.arguments
    shapes: list[Projection] = []

    def shaped(member: SelectedField) -> int:
        shapes.append(projection(member, entity))
        return len(shapes) - 1

    members = tuple(_connection_field(member, shaped) for member in field.children())
    return QueryNode(
        entity.name,
        RelayConnection(members),
        tuple(shapes),
        condition=_condition(entity, arguments),
        search=_search(arguments),
        order=_order(arguments.get("orderBy") or ()),
        page=_page_request(arguments),
    )


def _projection_field(member: SelectedField, entity: Entity) -> ColumnField | LiteralField | RelationField:
    if member.name == "__typename":
        return _typename(member)
    relation = entity.relations.get(member.name)
    if relation is None:
        return ColumnField(member.key, to_snake_case(member.name), upper=isinstance(member.type, GraphQLEnumType))
    target = ENTITIES[relation.target]
    if isinstance(relation, ToOne | ManyToMany):
        return RelationField(member.key, member.name, QueryNode(target.name, SingleRow(), (projection(member, target),)))
    return RelationField(member.key, member.name, connection_query(member, target))


def _typename(member: SelectedField) -> LiteralField:
    return LiteralField(member.key, member.parent.name)


def _connection_field(member: SelectedField, shaped: Callable[[SelectedField], int]) -> ConnectionField:
    match member.name:
        case "nodes":
            return ConnectionNodes(member.key, shaped(member))
        case "edges":
            return ConnectionEdges(member.key, tuple((part.key, _edge_field(part, shaped)) for part in member.children()))
        case "pageInfo":
            return ConnectionPageInfo(member.key, tuple((part.key, _page_info_field(part)) for part in member.children()))
        case "totalCount":
            return ConnectionTotal(member.key)
        case _:
            return _typename(member)


def _edge_field(member: SelectedField, shaped: Callable[[SelectedField], int]) -> str | int | LiteralField:
    match member.name:
        case "cursor":
            return "cursor"
        case "node":
            return shaped(member)
        case _:
            return _typename(member)


def _page_info_field(member: SelectedField) -> str | LiteralField:
    return _typename(member) if member.name == "__typename" else to_snake_case(member.name)


def _page_request(arguments: Mapping[str, Any]) -> PageRequest:
    last, before = arguments.get("last"), arguments.get("before")
    backward = last is not None or before is not None
    if backward and arguments.get("after") is not None:
        raise InvalidInput.at_pointer("/after", "Page forward (first, after) or backward (last, before), not both.")
    size = last if last is not None else arguments.get("first")
    size = DEFAULT_PAGE_SIZE if size is None else size
    if not 0 <= size <= MAX_PAGE_SIZE:
        raise InvalidInput.at_pointer("/last" if last is not None else "/first", f"A page has 0 to {MAX_PAGE_SIZE} rows.")
    cursor = before if backward else arguments.get("after")
    return PageRequest(
        size, backward=backward, has_cursor=cursor is not None, cursor=cursor, argument="before" if backward else "after"
    )


def _condition(entity: Entity, arguments: Mapping[str, Any]) -> Condition | None:
    tree = arguments.get("filter")
    return None if tree is None else parse_filter(entity, keys_to_snake_case(tree))


def _search(arguments: Mapping[str, Any]) -> Search | None:
    text = validate_search(arguments.get("search"))
    return None if text is None else Search(text)


def _order(terms: Any) -> tuple[OrderTerm, ...]:
    order = tuple(OrderTerm(term["field"].value, term["direction"].value == "desc") for term in terms)
    if len({term.sort for term in order}) < len(order):
        raise InvalidInput.at_pointer("/orderBy", "Order by each field at most once.")
    return order
