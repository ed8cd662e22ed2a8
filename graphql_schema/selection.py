"""Conversion of GraphQL selection sets to query nodes and row selections."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLEnumType

from graphql_schema.lookahead import SelectedField
from models.schemas.query_params import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
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
    PageCursor,
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
    """Return the selected fields of an entity as a projection."""
    children = field.children(field.object_type(TYPE_NAMES[entity.name]))
    return Projection(tuple(_projection_field(child, entity) for child in children))


def row_selection(field: SelectedField, entity: Entity) -> RowSelection[JsonObject | None]:
    """Return the selection of a single row."""
    return RowSelection(SingleRow(), (projection(field, entity),))


def payload_selection(field: SelectedField, name: str, entity: Entity) -> RowSelection[JsonObject | None]:
    """Return the selection of a payload with one row in its field `name`; its other fields come from the resolver."""
    fields, projections = _payload(field, name, entity)
    return RowSelection(WrappedRow(fields), projections)


def list_payload_selection(field: SelectedField, name: str, entity: Entity) -> RowSelection[JsonObject]:
    """Return the selection of a payload with several rows in its field `name`."""
    fields, projections = _payload(field, name, entity)
    return RowSelection(WrappedRows(fields), projections)


def _payload(field: SelectedField, name: str, entity: Entity) -> tuple[WrapperFields, tuple[Projection, ...]]:
    projections: list[Projection] = []
    fields: list[tuple[str, int | LiteralField]] = []
    for child in field.children():
        if child.name == name:
            projections.append(projection(child, entity))
            fields.append((child.key, len(projections) - 1))
        elif child.name == "__typename":
            fields.append((child.key, _typename(child)))
    return tuple(fields), tuple(projections)


def connection_query(field: SelectedField, entity: Entity) -> QueryNode[JsonObject]:
    """Return the query node that reads a connection. Raises InvalidInput."""
    arguments = field.arguments
    projections: list[Projection] = []

    def add_projection(node: SelectedField) -> int:
        projections.append(projection(node, entity))
        return len(projections) - 1

    connection_fields = tuple(_connection_field(child, add_projection) for child in field.children())
    return QueryNode(
        entity.name,
        RelayConnection(connection_fields),
        tuple(projections),
        condition=_condition(entity, arguments),
        search=_search(arguments),
        order=_order(arguments.get("orderBy") or ()),
        page=_page_request(arguments),
    )


def _projection_field(field: SelectedField, entity: Entity) -> ColumnField | LiteralField | RelationField:
    if field.name == "__typename":
        return _typename(field)
    relation = entity.relations.get(field.name)
    if relation is None:
        return ColumnField(field.key, to_snake_case(field.name), upper=isinstance(field.type, GraphQLEnumType))
    target = ENTITIES[relation.target]
    if isinstance(relation, ToOne | ManyToMany):
        return RelationField(field.key, field.name, QueryNode(target.name, SingleRow(), (projection(field, target),)))
    return RelationField(field.key, field.name, connection_query(field, target))


def _typename(field: SelectedField) -> LiteralField:
    return LiteralField(field.key, field.parent.name)


def _connection_field(field: SelectedField, add_projection: Callable[[SelectedField], int]) -> ConnectionField:
    match field.name:
        case "nodes":
            return ConnectionNodes(field.key, add_projection(field))
        case "edges":
            return ConnectionEdges(
                field.key, tuple((child.key, _edge_field(child, add_projection)) for child in field.children())
            )
        case "pageInfo":
            return ConnectionPageInfo(field.key, tuple((child.key, _page_info_field(child)) for child in field.children()))
        case "totalCount":
            return ConnectionTotal(field.key)
        case _:
            return _typename(field)


def _edge_field(field: SelectedField, add_projection: Callable[[SelectedField], int]) -> str | int | LiteralField:
    match field.name:
        case "cursor":
            return "cursor"
        case "node":
            return add_projection(field)
        case _:
            return _typename(field)


def _page_info_field(field: SelectedField) -> str | LiteralField:
    return _typename(field) if field.name == "__typename" else to_snake_case(field.name)


def _page_request(arguments: Mapping[str, Any]) -> PageRequest:
    first, last = _page_size(arguments, "first"), _page_size(arguments, "last")
    after, before = _page_cursor(arguments, "after"), _page_cursor(arguments, "before")
    if first is None and last is not None:
        return PageRequest(last, backward=True, after=after, before=before)
    return PageRequest(DEFAULT_PAGE_SIZE if first is None else first, after=after, before=before, last=last)


def _page_size(arguments: Mapping[str, Any], name: str) -> int | None:
    size: int | None = arguments.get(name)
    if size is not None and not 0 <= size <= MAX_PAGE_SIZE:
        raise InvalidInput.at_pointer(f"/{name}", f"The page size must be between 0 and {MAX_PAGE_SIZE}.")
    return size


def _page_cursor(arguments: Mapping[str, Any], name: str) -> PageCursor | None:
    text: str | None = arguments.get(name)
    return None if text is None else PageCursor(text, name)


def _condition(entity: Entity, arguments: Mapping[str, Any]) -> Condition | None:
    filter_input = arguments.get("filter")
    return None if filter_input is None else parse_filter(entity, keys_to_snake_case(filter_input))


def _search(arguments: Mapping[str, Any]) -> Search | None:
    text = validate_search(arguments.get("search"))
    return None if text is None else Search(text)


def _order(terms: Any) -> tuple[OrderTerm, ...]:
    order = tuple(OrderTerm(term["field"].value, term["direction"].value == "desc") for term in terms)
    if len({term.sort for term in order}) < len(order):
        raise InvalidInput.at_pointer("/orderBy", "A field may occur only once in `orderBy`.")
    return order
