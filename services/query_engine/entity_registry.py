"""Entity registry: columns, filters, sort keys and relations of both APIs, built from the tables' column declarations.

A column is declared once, in its table class (see models.columns). Entities add what a table does not declare: names, relations,
the default sort order and full-text search.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import ColumnElement, Double, FromClause, Text, Uuid, case, cast, func, literal_column
from sqlmodel import SQLModel

from models.columns import ColumnInfo, DerivedColumn, Expression, published_columns, table_of
from models.comment import Comment
from models.tag import Tag, TaskTag
from models.task import Task
from models.task_list import TaskList
from models.user import User
from services.query_engine.compiled_statement import tsquery_param
from services.query_engine.entity_types import (
    ColumnSpec,
    Entity,
    FilterSpec,
    JoinTable,
    ManyToMany,
    PaginatedManyToMany,
    Relation,
    SearchSpec,
    SortKey,
    SortKeys,
    ToMany,
    ToOne,
)

_SHORT_TEXT = 40  # characters

_EQUALITY = frozenset({"eq", "ne", "in"})
_RANGE = frozenset({"lt", "lte", "gt", "gte"})
_OPERATORS: Mapping[type[Any], frozenset[str]] = {
    UUID: _EQUALITY,
    str: _EQUALITY | {"contains"},
    bool: frozenset({"eq", "ne"}),
    int: _EQUALITY | _RANGE,
    float: _EQUALITY | _RANGE,
    datetime: _EQUALITY | _RANGE,
}
# A sort key is never null. The preceding key puts nulls last, so the placeholder may be any value of the type.
_NULL_PLACEHOLDERS: Mapping[type[Any], ColumnElement[Any]] = {
    str: literal_column("''"),
    bool: literal_column("false"),
    int: literal_column("0"),
    float: literal_column("0"),
    datetime: literal_column("timestamptz '9999-12-31 00:00:00+00'"),
}


def build_entity(  # noqa: PLR0913 - one argument for each fact that the table does not declare
    model: type[SQLModel],
    *,
    display_name: str,
    default_sort: tuple[str, bool],
    name: str | None = None,
    relations: Mapping[str, Relation] | None = None,
    search: SearchSpec | None = None,
) -> Entity:
    """Build the entity of a table from its published columns. Its name is the table's unless another one is passed."""
    published = published_columns(model)
    columns = {column: _column_spec(model, column, info) for column, info in published.items()}
    return Entity(
        name=name or table_of(model).name,
        display_name=display_name,
        table=table_of(model),
        columns=columns,
        sort_keys={info.sort_key: _sort_keys(columns[column], info) for column, info in published.items() if info.sort_key},
        default_sort=default_sort,
        relations=relations or {},
        filters={column: _filter_spec(columns[column], info) for column, info in published.items() if info.filterable},
        search=search,
    )


def _column_spec(model: type[SQLModel], name: str, info: ColumnInfo) -> ColumnSpec:
    if isinstance(info, DerivedColumn):
        return ColumnSpec(
            description=info.description,
            example=info.example,
            value_type=info.value_type,
            is_nullable=False,
            has_long_text=False,
            expression=info.expression,
        )
    column = table_of(model).c[name]
    value_type = info.value_type or (
        UUID if isinstance(column.type, Uuid) else _without_none(model.model_fields[name].annotation)
    )
    max_length = getattr(column.type, "length", None)
    is_short = column.primary_key or (max_length is not None and max_length <= _SHORT_TEXT)
    return ColumnSpec(
        description=info.description,
        example=info.example,
        value_type=value_type,
        is_nullable=bool(column.nullable),
        has_long_text=value_type is str and not is_short,
        expression=_stored(name),
    )


def _without_none(annotation: Any) -> Any:
    """Return the type T of an annotation T or T | None."""
    parts = get_args(annotation)
    return next(part for part in parts if part is not type(None)) if type(None) in parts else annotation


def _stored(name: str) -> Expression:
    return lambda source: source.c[name]


def _filter_spec(spec: ColumnSpec, info: ColumnInfo) -> FilterSpec:
    operators = _EQUALITY if issubclass(spec.value_type, StrEnum) else _OPERATORS[spec.value_type]
    if info.is_ordinal:
        operators |= _RANGE
    if spec.is_nullable:
        operators |= {"is_null"}
    return FilterSpec(spec.value_type, operators, rank=partial(_rank, spec.value_type) if info.is_ordinal else None)


def _sort_keys(spec: ColumnSpec, info: ColumnInfo) -> SortKeys:
    """Return the sort keys of the column: texts by their stored key, ordinal enums by rank, nulls last in both directions."""
    compared, kind = _compared(spec, info)
    if not spec.is_nullable:
        return (SortKey(compared, kind),)
    stored, placeholder = spec.expression, _NULL_PLACEHOLDERS[kind]
    return (
        SortKey(lambda source: stored(source).is_(None), bool, fixed=True),
        SortKey(lambda source: func.coalesce(compared(source), placeholder), kind),
    )


def _compared(spec: ColumnSpec, info: ColumnInfo) -> tuple[Expression, type[Any]]:
    value_type = spec.value_type
    stored = _stored(info.sorted_by) if info.sorted_by else spec.expression
    if info.is_ordinal:
        return lambda source: _rank(value_type, stored(source)), int
    return stored, str if issubclass(value_type, StrEnum) else value_type


def _rank(values: type[StrEnum], value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the position of a value in the declaration of its enum."""
    ranks: dict[ColumnElement[Any], ColumnElement[Any]] = {
        literal_column(f"'{name}'", Text): literal_column(str(rank)) for rank, name in enumerate(values)
    }
    return case(ranks, value=value)


def _relevance(task: FromClause) -> ColumnElement[Any]:
    return cast(func.ts_rank(task.c.search_lexemes, tsquery_param()), Double)


TASK = build_entity(
    Task,
    display_name="task",
    default_sort=("created", True),
    relations={
        "list": ToOne("task_list", "list_id", "List that contains the task."),
        "parent": ToOne("task", "parent_id", "Task of which this is a subtask."),
        "tags": ManyToMany("tag", JoinTable(table_of(TaskTag), "task_id", "tag_id"), "Tags of the task."),
        "subtasks": ToMany("task", "parent_id", "Subtasks of the task."),
        "comments": ToMany("comment", "task_id", "Comments on the task."),
    },
    search=SearchSpec("search_lexemes", (SortKey(_relevance, float),)),
)

TASK_LIST = build_entity(
    TaskList,
    display_name="list",
    default_sort=("position", False),
    relations={"tasks": ToMany("task", "list_id", "Tasks in the list.")},
)

TAG = build_entity(
    Tag,
    display_name="tag",
    default_sort=("name", False),
    relations={"tasks": PaginatedManyToMany("task", JoinTable(table_of(TaskTag), "tag_id", "task_id"), "Tasks with this tag.")},
)

COMMENT = build_entity(
    Comment,
    display_name="comment",
    default_sort=("created", False),
    relations={"task": ToOne("task", "task_id", "Task that the comment is on.")},
)

ACCOUNT = build_entity(User, name="account", display_name="account", default_sort=("created", False))

ENTITIES: Mapping[str, Entity] = {entity.name: entity for entity in (TASK, TASK_LIST, TAG, COMMENT, ACCOUNT)}
NODE_ENTITIES = (TASK, TASK_LIST, TAG, COMMENT)
