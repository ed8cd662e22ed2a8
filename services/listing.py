"""Query parameters of REST lists → query nodes of the query engine."""

from collections.abc import Iterator

from models.queries import PageQuery, TaskQuery
from services.errors import InvalidInput
from services.json_text import JsonError, parse_json
from services.reading.defaults import wished_shape
from services.reading.entity_registry import TASK
from services.reading.entity_types import Entity
from services.reading.filters import parse_filter
from services.reading.layouts import CursorPage, PageResult
from services.reading.names import snake_keys
from services.reading.search import searched
from services.reading.selection import All, Compare, Condition, Order, QueryNode, Related, Search, Window


def list_query(entity: Entity, query: PageQuery, *conditions: Condition, search: Search | None = None) -> QueryNode[PageResult]:
    """Return the query node that reads this list. Raises InvalidInput."""
    return QueryNode(
        entity.name,
        CursorPage(),
        (wished_shape(entity, query.include, query.fields),),
        condition=All(conditions) if conditions else None,
        search=search,
        order=_parse_sort(entity, query.sort),
        window=Window(query.limit, bounded=query.cursor is not None, cursor=query.cursor),
    )


def task_list_query(query: TaskQuery, *conditions: Condition) -> QueryNode[PageResult]:
    """Return the query node that reads this list for tasks. Raises InvalidInput."""
    text = searched(query.search)
    search = Search(text) if text else None
    return list_query(TASK, query, *conditions, *_task_conditions(query), search=search)


def _parse_sort(entity: Entity, sort: str) -> tuple[Order, ...]:
    terms = tuple(Order(part.strip().removeprefix("-"), part.strip().startswith("-")) for part in sort.split(",") if part.strip())
    names = [term.sort for term in terms]
    if not set(names) <= entity.sort_keys.keys() or len(set(names)) < len(names):
        known = ", ".join(entity.sort_keys)
        raise InvalidInput.at_pointer("/sort", f"Sort by {known}, each at most once, with - in front for descending.")
    return terms


def _task_conditions(query: TaskQuery) -> Iterator[Condition]:
    given = query.model_fields_set
    if query.status != "all":
        yield Compare("status", "eq", query.status)
    if query.completed is not None:
        yield Compare("completed", "eq", query.completed)
    if query.priority is not None:
        yield Compare("priority", "eq", str(query.priority))
    for name in ("list_id", "parent_id"):
        reference = getattr(query, name)
        if name in given:
            yield Compare(name, "is_null", value=True) if reference is None else Compare(name, "eq", reference)
    if query.tag_id is not None:
        yield Related("tags", "some", Compare("id", "eq", query.tag_id))
    if query.filter is not None:
        yield parse_filter(TASK, _parse_filter_json(query.filter))


def _parse_filter_json(text: str) -> object:
    try:
        return snake_keys(parse_json(text))
    except JsonError as error:
        raise InvalidInput.at_pointer("/filter", f"The filter {error}") from None
    except ValueError:
        raise InvalidInput.at_pointer("/filter", "The filter names the same thing in two spellings.") from None
