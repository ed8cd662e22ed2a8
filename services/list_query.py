"""Query nodes for REST lists, built from their query parameters."""

from collections.abc import Iterator

from models.schemas.query_params import PageQuery, TaskQuery
from services.errors import InvalidInput
from services.json_parsing import JsonError, parse_json
from services.query_engine.case_conversion import keys_to_snake_case
from services.query_engine.entity_registry import TASK
from services.query_engine.entity_types import Entity
from services.query_engine.filter_parser import parse_filter
from services.query_engine.query_model import (
    And,
    Comparison,
    Condition,
    OrderTerm,
    PageCursor,
    PageRequest,
    QueryNode,
    RelationFilter,
    Search,
)
from services.query_engine.rest_projection import projection_for
from services.query_engine.result_format import CursorPage, PageResult
from services.query_engine.tsquery import validate_search


def list_query(entity: Entity, query: PageQuery, *conditions: Condition, search: Search | None = None) -> QueryNode[PageResult]:
    """Return the query node for a list. Raises InvalidInput."""
    return QueryNode(
        entity.name,
        CursorPage(),
        (projection_for(entity, query.include, query.fields),),
        condition=And(conditions) if conditions else None,
        search=search,
        order=_parse_sort(entity, query.sort),
        page=PageRequest(query.limit, after=None if query.cursor is None else PageCursor(query.cursor, "cursor")),
    )


def task_list_query(query: TaskQuery, *conditions: Condition) -> QueryNode[PageResult]:
    """Return the query node for a list of tasks. Raises InvalidInput."""
    text = validate_search(query.search)
    search = Search(text) if text else None
    return list_query(TASK, query, *conditions, *_task_conditions(query), search=search)


def _parse_sort(entity: Entity, sort: str) -> tuple[OrderTerm, ...]:
    terms = tuple(
        OrderTerm(part.strip().removeprefix("-"), part.strip().startswith("-")) for part in sort.split(",") if part.strip()
    )
    names = [term.sort for term in terms]
    if not set(names) <= entity.sort_keys.keys() or len(set(names)) < len(names):
        allowed = ", ".join(entity.sort_keys)
        raise InvalidInput.at_pointer("/sort", f"Unknown or repeated sort key. Allowed: {allowed}; prefix with - for descending.")
    return terms


def _task_conditions(query: TaskQuery) -> Iterator[Condition]:
    sent = query.model_fields_set
    if query.status != "all":
        yield Comparison("status", "eq", query.status)
    if query.completed is not None:
        yield Comparison("completed", "eq", query.completed)
    if query.priority is not None:
        yield Comparison("priority", "eq", str(query.priority))
    for name in ("list_id", "parent_id"):
        reference = getattr(query, name)
        if name in sent:
            yield Comparison(name, "is_null", value=True) if reference is None else Comparison(name, "eq", reference)
    if query.tag_id is not None:
        yield RelationFilter("tags", "some", Comparison("id", "eq", query.tag_id))
    if query.filter is not None:
        yield parse_filter(TASK, _parse_filter_json(query.filter))


def _parse_filter_json(text: str) -> object:
    try:
        return keys_to_snake_case(parse_json(text))
    except JsonError as error:
        raise InvalidInput.at_pointer("/filter", f"The filter {error}") from None
    except ValueError:
        raise InvalidInput.at_pointer("/filter", "The filter has the same key in camelCase and snake_case.") from None
