"""Reference executor: graphql-core runs the published SDL over plain rows with simple resolvers.

It shares only the cursor format and the conversion of names with the query engine.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    execute_sync,
    get_named_type,
    is_composite_type,
    is_enum_type,
)

from services.errors import InvalidInput
from services.query_engine.case_conversion import to_snake_case
from services.query_engine.cursors import CursorCodec
from services.query_engine.entity_registry import ENTITIES
from services.query_engine.query_model import OrderTerm
from tests.support.datasets import Row, Rows

SDL = Path(__file__).parents[2] / "docs" / "schema.graphql"
ROW_TYPES = {"Task": "task", "TaskList": "task_list", "Tag": "tag", "Comment": "comment"}
PRIORITIES = ("none", "low", "medium", "high", "urgent")
NEVER = datetime(9999, 12, 31, tzinfo=UTC)


def sorted_text(text: str) -> str:
    """Return the sort key of a text: base letters in lower case, and the number of digits before each number."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(character for character in decomposed if not unicodedata.category(character).startswith("M"))
    return re.sub("0*([0-9]*)", lambda match: f"{len(match[1])}{match[1]}" if match[0] else "", letters)


# A sort: functions that return a row's sort keys, and whether the direction applies to each.
Sort = tuple[tuple[Callable[[Row], Any], bool], ...]
SORTS: Mapping[str, Sort] = {
    "created": ((lambda row: row["created_at"], True),),
    "updated": ((lambda row: row["updated_at"], True),),
    "title": ((lambda row: sorted_text(row["title"]), True),),
    "name": ((lambda row: sorted_text(row["name"]), True),),
    "priority": ((lambda row: PRIORITIES.index(row["priority"]), True),),
    "position": ((lambda row: row["position"], True),),
    "completed": ((lambda row: row["completed_at"] is None, False), (lambda row: row["completed_at"] or NEVER, True)),
}
DEFAULT_ORDERS = {
    "Task": [("created", True)],
    "TaskList": [("position", False)],
    "Tag": [("name", False)],
    "Comment": [("created", False)],
}

TagLinks = set[tuple[str, str]]  # (task, tag)


@dataclass(frozen=True)
class Relation:
    """A relation's target type, its cardinality, and the condition between two rows."""

    target: str
    many: bool
    holds: Callable[[Row, Row, TagLinks], bool]


RELATIONS = {
    ("Task", "list"): Relation("TaskList", many=False, holds=lambda task, one, _: one["id"] == task["list_id"]),
    ("Task", "parent"): Relation("Task", many=False, holds=lambda task, one, _: one["id"] == task["parent_id"]),
    ("Task", "tags"): Relation("Tag", many=True, holds=lambda task, tag, tag_links: (task["id"], tag["id"]) in tag_links),
    ("Task", "subtasks"): Relation("Task", many=True, holds=lambda task, one, _: one["parent_id"] == task["id"]),
    ("Task", "comments"): Relation("Comment", many=True, holds=lambda task, one, _: one["task_id"] == task["id"]),
    ("TaskList", "tasks"): Relation("Task", many=True, holds=lambda one, task, _: task["list_id"] == one["id"]),
    ("Tag", "tasks"): Relation("Task", many=True, holds=lambda tag, task, tag_links: (task["id"], tag["id"]) in tag_links),
    ("Comment", "task"): Relation("Task", many=False, holds=lambda one, task, _: task["id"] == one["task_id"]),
}

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": lambda value, operand: value == operand,
    "ne": lambda value, operand: value != operand,
    "in": lambda value, operand: value in operand,
    "lt": lambda value, operand: value < operand,
    "lte": lambda value, operand: value <= operand,
    "gt": lambda value, operand: value > operand,
    "gte": lambda value, operand: value >= operand,
    "contains": lambda value, operand: operand.lower() in value.lower(),
}

ResponsePath = tuple[str, ...]


def api_error(code: str) -> GraphQLError:
    """Return an error with a code, as both APIs return it."""
    return GraphQLError(code, extensions={"code": code})


@dataclass
class VisitedPaths:
    """Response paths of the relations, total counts and `node` fields that an operation reads."""

    relations: set[ResponsePath] = field(default_factory=set)
    totals: set[ResponsePath] = field(default_factory=set)
    nodes: set[ResponsePath] = field(default_factory=set)


class ReferenceExecutor:
    """Executes one user's operations."""

    def __init__(self, rows: Rows, user_id: str) -> None:
        self.user_id = user_id
        self.all_rows = {name: [with_computed_fields(name, row) for row in rows[table]] for name, table in ROW_TYPES.items()}
        self.own_rows = {
            name: [row for row in type_rows if row["user_id"] == user_id and row["deleted_at"] is None]
            for name, type_rows in self.all_rows.items()
        }
        self.tag_links = {(link["task_id"], link["tag_id"]) for link in rows["task_tag"] if link["user_id"] == user_id}
        (account,) = (row for row in rows["user"] if row["id"] == user_id)
        (counter,) = (row for row in rows["user_revision"] if row["user_id"] == user_id)
        self.account = {**account, "revision": counter["revision"]}
        self.visited = VisitedPaths()
        self._cursors_by_order: dict[str, list[str]] = {}

    @cached_property
    def schema(self) -> GraphQLSchema:
        """Return the published schema."""
        schema = build_schema(SDL.read_text())
        for type_ in schema.type_map.values():
            if is_enum_type(type_) and not type_.name.startswith("__"):
                for name, value in type_.values.items():
                    value.value = name.lower()
        return schema

    def run(self, document: DocumentNode, variables: Mapping[str, Any], operation_name: str | None) -> ExecutionResult:
        """Execute an operation with graphql-core."""
        self.visited = VisitedPaths()
        return execute_sync(
            self.schema,
            document,
            root_value={},
            variable_values=dict(variables),
            operation_name=operation_name,
            field_resolver=self._resolve,
        )

    def values(self, type_name: str, field_name: str) -> list[Any]:
        """Return the values of a column, mostly from the user's own rows."""
        column = to_snake_case(field_name)
        values = [row.get(column) for row in [*self.own_rows[type_name] * 3, *self.all_rows[type_name]]]
        return [value.isoformat() if isinstance(value, datetime) else value for value in values if value is not None]

    def cursors(self, type_name: str, order_by: Sequence[Row] | None) -> list[str]:
        """Return the cursors of all rows of the user in an order, including deleted rows."""
        order = self._order(type_name, order_by)
        key = f"{type_name} {order}"
        if key not in self._cursors_by_order:
            own_rows = [row for row in self.all_rows[type_name] if row["user_id"] == self.user_id]
            self._cursors_by_order[key] = [self._cursor(type_name, order, row) for row in own_rows]
        return self._cursors_by_order[key]

    def _resolve(self, source: Row, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        self._record_visit(info)
        snake_arguments = {to_snake_case(name): value for name, value in arguments.items()}
        if info.parent_type.name == "Query":
            return getattr(self, f"query_{info.field_name}")(source, **snake_arguments)
        relation = RELATIONS.get((info.parent_type.name, info.field_name))
        if relation is not None:
            return self._resolve_relation(source, relation, snake_arguments)
        return source[to_snake_case(info.field_name)]

    def _record_visit(self, info: GraphQLResolveInfo[Any]) -> None:
        path = tuple(str(step) for step in info.path.as_list() if not isinstance(step, int))
        if info.field_name == "totalCount":
            self.visited.totals.add(path[:-1])
        elif info.parent_type.name in {"Query", *ROW_TYPES} and is_composite_type(get_named_type(info.return_type)):
            self.visited.relations.add(path)
            if info.field_name == "node":
                self.visited.nodes.add(path)

    # Root fields.

    def query_viewer(self, _: Row) -> Row:
        return self.account

    def query_node(self, _: Row, id: str) -> Row | None:
        row_id = parse_id(id)
        return next((row for rows in self.own_rows.values() for row in rows if row["id"] == row_id), None)

    def query_task(self, _: Row, id: str) -> Row:
        return self._require_row("Task", id)

    def query_list(self, _: Row, id: str) -> Row:
        return self._require_row("TaskList", id)

    def query_tag(self, _: Row, id: str) -> Row:
        return self._require_row("Tag", id)

    def query_tasks(self, _: Row, **page: Any) -> Row:
        return self._page("Task", self.own_rows["Task"], **page)

    def query_lists(self, _: Row, **page: Any) -> Row:
        return self._page("TaskList", self.own_rows["TaskList"], **page)

    def query_tags(self, _: Row, **page: Any) -> Row:
        return self._page("Tag", self.own_rows["Tag"], **page)

    # Datasets hold no sessions or tokens.

    def query_sessions(self, _: Row) -> list[Row]:
        return []

    def query_apiTokens(self, _: Row) -> list[Row]:  # noqa: N802 - the field's name
        return []

    # Relations.

    def related(self, row: Row, relation: Relation) -> list[Row]:
        """Return the related rows, unordered."""
        return [other for other in self.own_rows[relation.target] if relation.holds(row, other, self.tag_links)]

    def _resolve_relation(self, row: Row, relation: Relation, arguments: Row) -> Any:
        rows = self.related(row, relation)
        if not relation.many:
            return rows[0] if rows else None
        if relation.target == "Tag":
            return sort_rows(rows, DEFAULT_ORDERS["Tag"])
        return self._page(relation.target, rows, **arguments)

    def _by_id(self, type_name: str, row_id: str | None) -> Row | None:
        return next((row for row in self.own_rows[type_name] if row["id"] == row_id), None)

    def _require_row(self, type_name: str, row_id: str) -> Row:
        row = self._by_id(type_name, parse_id(row_id))
        if row is None:
            raise api_error("NOT_FOUND")
        return row

    # Pages.

    def _page(
        self,
        type_name: str,
        rows: Iterable[Row],
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: Row | None = None,
        order_by: Sequence[Row] | None = None,
    ) -> Row:
        order = self._order(type_name, order_by)
        if not all(0 <= size <= 500 for size in (first, last) if size is not None):
            raise api_error("INVALID_INPUT")
        if first is None and last is None:
            first = 50
        all_matching = sort_rows([row for row in rows if filter is None or self.matches(type_name, row, filter)], order)
        # https://relay.dev/graphql/connections.htm#sec-Pagination-algorithm
        edges = all_matching
        if after is not None:
            edges = self._rows_after(type_name, order, edges, after, backward=False)
        if before is not None:
            edges = self._rows_after(type_name, order, edges, before, backward=True)
        firsts = edges if first is None else edges[:first]
        nodes = firsts if last is None else firsts[max(0, len(firsts) - last) :]
        cursors = [self._cursor(type_name, order, row) for row in nodes]
        return {
            "edges": [{"cursor": cursor, "node": node} for cursor, node in zip(cursors, nodes, strict=True)],
            "nodes": nodes,
            "page_info": {
                "has_next_page": self._has_rows_beyond(type_name, order, all_matching, before, backward=False)
                if first is None
                else len(edges) > first,
                "has_previous_page": self._has_rows_beyond(type_name, order, all_matching, after, backward=True)
                if last is None
                else len(firsts) > last,
                "start_cursor": cursors[0] if cursors else None,
                "end_cursor": cursors[-1] if cursors else None,
            },
            "total_count": len(all_matching),
        }

    def _order(self, type_name: str, order_by: Sequence[Row] | None) -> list[tuple[str, bool]]:
        terms = [(term["field"].lower(), term.get("direction", "asc").lower() == "desc") for term in order_by or ()]
        if len({sort for sort, _ in terms}) < len(terms):
            raise api_error("INVALID_INPUT")
        return terms or DEFAULT_ORDERS[type_name]

    def _cursors(self, type_name: str, order: Sequence[tuple[str, bool]]) -> CursorCodec:
        return CursorCodec(self.user_id, ENTITIES[ROW_TYPES[type_name]], tuple(OrderTerm(*term) for term in order))

    def _cursor(self, type_name: str, order: Sequence[tuple[str, bool]], row: Row) -> str:
        return self._cursors(type_name, order).encode([value for value, _ in sort_keys(row, order)])

    def _rows_after(
        self, type_name: str, order: Sequence[tuple[str, bool]], rows: list[Row], cursor: str, *, backward: bool
    ) -> list[Row]:
        try:
            position = self._cursors(type_name, order).decode(cursor, "")
        except InvalidInput:
            raise api_error("INVALID_INPUT") from None
        return [row for row in rows if is_after(sort_keys(row, order), position, backward=backward)]

    def _has_rows_beyond(
        self, type_name: str, order: Sequence[tuple[str, bool]], rows: list[Row], cursor: str | None, *, backward: bool
    ) -> bool:
        """Return whether the cursor excludes rows; its own row is one of them."""
        return cursor is not None and len(self._rows_after(type_name, order, rows, cursor, backward=not backward)) < len(rows)

    # Filters. A null value matches no comparison, and `not` is true if its condition is not true.

    def matches(self, type_name: str, row: Row, tree: Any) -> bool:
        """Return whether a row matches all conditions of a filter."""
        return all(self._matches_condition(type_name, row, name, value) for name, value in require_not_null(tree).items())

    def _matches_condition(self, type_name: str, row: Row, name: str, value: Any) -> bool:
        match name:
            case "and" | "or":
                results = [self.matches(type_name, row, part) for part in require_not_null(value)]
                return all(results) if name == "and" else any(results)
            case "not":
                return not self.matches(type_name, row, value)
            case _ if relation := RELATIONS.get((type_name, name)):
                rows = self.related(row, relation)
                parts = require_not_null(value) if relation.many else {"some": value}
                return all(
                    self._matches_quantifier(relation.target, rows, quantifier, part) for quantifier, part in parts.items()
                )
            case _:
                column = to_snake_case(name)
                convert = CONVERSIONS.get(column) or CONVERSIONS.get(column.rpartition("_")[2], unchanged)
                stored = PRIORITIES.index(row[column]) if column == "priority" else row[column]
                return all(compare(stored, operator, operand, convert) for operator, operand in require_not_null(value).items())

    def _matches_quantifier(self, type_name: str, rows: list[Row], quantifier: str, part: Any) -> bool:
        require_not_null(part)
        matching = [self.matches(type_name, row, part) for row in rows]
        return {"some": any(matching), "none": not any(matching), "every": all(matching)}[quantifier]


def with_computed_fields(type_name: str, row: Row) -> Row:
    """Return the row with its type and computed fields."""
    return {"__typename": type_name, **row, "completed": row.get("status") == "completed"}


def parse_id(text: str) -> str:
    """Return an id as the database formats it."""
    try:
        return str(UUID(text))
    except ValueError:
        raise api_error("INVALID_INPUT") from None


def require_not_null(value: Any) -> Any:
    """Return the value, or raise INVALID_INPUT if it is null."""
    if value is None:
        raise api_error("INVALID_INPUT")
    return value


def parse_timestamp(text: str) -> datetime:
    """Return a timestamp as the database stores it."""
    return datetime.fromisoformat(text)


def unchanged(value: Any) -> Any:
    """Return the value unchanged."""
    return value


CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {"id": parse_id, "at": parse_timestamp, "priority": PRIORITIES.index}


def compare(value: Any, operator: str, operand: Any, convert: Callable[[Any], Any]) -> bool:
    """Return whether a column's value matches one comparison."""
    if operator == "isNull":
        return (value is None) is require_not_null(operand)
    expected = [convert(item) for item in require_not_null(operand)] if operator == "in" else convert(require_not_null(operand))
    return value is not None and bool(COMPARISONS[operator](value, expected))


def sort_keys(row: Row, order: Sequence[tuple[str, bool]]) -> list[tuple[Any, bool]]:
    """Return the row's sort keys, each with its direction; the id is last and has the direction of the key before."""
    terms = [(key(row), descending and is_reversible) for sort, descending in order for key, is_reversible in SORTS[sort]]
    return [*terms, (row["id"], terms[-1][1])]


def sort_rows(rows: list[Row], order: Sequence[tuple[str, bool]]) -> list[Row]:
    """Return the sorted rows. The last key is sorted first: Python's sort is stable."""
    keyed_rows = [(sort_keys(row, order), row) for row in rows]
    for index in reversed(range(len(keyed_rows[0][0]) if keyed_rows else 0)):
        keyed_rows.sort(key=lambda keyed: keyed[0][index][0], reverse=keyed_rows[0][0][index][1])
    return [row for _, row in keyed_rows]


def is_after(keys: Sequence[tuple[Any, bool]], position: Sequence[Any], *, backward: bool) -> bool:
    """Return whether a row with these sort keys is after (or, backward, before) a cursor."""
    for (value, descending), other in zip(keys, position, strict=True):
        if value != other:
            larger: bool = value > other
            return larger != (descending != backward)
    return False
