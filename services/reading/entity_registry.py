"""Entities and relations, declared once. What stands here can be selected, filtered, ordered and nested at both doors."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Double, FromClause, Table, Text, case, cast, func, literal_column, select

from models.comment import Comment
from models.tag import Tag, TaskTag
from models.task import Priority, Status, Task
from models.task_list import TaskList
from models.user import User, UserRevision
from services.reading.entity_types import (
    Entity,
    Expression,
    FilterSpec,
    JoinTable,
    ManyToMany,
    PaginatedManyToMany,
    SearchSpec,
    Sort,
    SortKey,
    ToMany,
    ToOne,
)
from services.reading.statements import wanted_words


def _column(name: str) -> Expression:
    return lambda source: source.c[name]


def _columns(*names: str, **derived: Expression) -> Mapping[str, Expression]:
    """Keep the order of the names: it is the order on the wire."""
    return {name: derived.get(name) or _column(name) for name in names}


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table


def _sort(name: str, kind: type[Any]) -> Sort:
    return (SortKey(_column(name), kind),)


def _alphabetical(name: str) -> Sort:
    return (SortKey(lambda source: func.lower(source.c[name]), str),)


def _completed(task: FromClause) -> ColumnElement[Any]:
    return task.c.status == literal_column(f"'{Status.COMPLETED}'", Text)


def _tag_ids(task: FromClause) -> ColumnElement[Any]:
    pair = _table(TaskTag).alias("borne")
    mine = select(pair.c.tag_id).where(pair.c.user_id == task.c.user_id, pair.c.task_id == task.c.id)
    return func.array(mine.order_by(pair.c.tag_id).correlate(task).scalar_subquery())


def _urgency(priority: ColumnElement[Any]) -> ColumnElement[Any]:
    ranks: dict[ColumnElement[Any], ColumnElement[Any]] = {
        literal_column(f"'{name}'", Text): literal_column(str(rank)) for rank, name in enumerate(Priority)
    }
    return case(ranks, value=priority)


def _relevance(task: FromClause) -> ColumnElement[Any]:
    return cast(func.ts_rank(task.c.search_vector, wanted_words()), Double)


def _revision(account: FromClause) -> ColumnElement[Any]:
    counter = _table(UserRevision).alias("counter")
    mine = select(counter.c.revision).where(counter.c.user_id == account.c.id)
    return mine.correlate(account).scalar_subquery()


_NEVER: ColumnElement[Any] = literal_column("timestamptz '9999-12-31 00:00:00+00'")
_COMPLETION: Sort = (
    SortKey(lambda task: task.c.completed_at.is_(None), bool, fixed=True),
    SortKey(lambda task: func.coalesce(task.c.completed_at, _NEVER), datetime),
)

_EQUALITY = frozenset({"eq", "ne", "in"})
_RANGE = frozenset({"lt", "lte", "gt", "gte"})
_NULL = frozenset({"is_null"})
_ID = FilterSpec(UUID, _EQUALITY)
_REFERENCE = FilterSpec(UUID, _EQUALITY | _NULL)
_TEXT = FilterSpec(str, _EQUALITY | {"contains"})
_OPTIONAL_TEXT = FilterSpec(str, _TEXT.operators | _NULL)
_NUMBER = FilterSpec(float, _EQUALITY | _RANGE)
_COUNT = FilterSpec(int, _EQUALITY | _RANGE)
_MOMENT = FilterSpec(datetime, _EQUALITY | _RANGE)
_VERSIONED = {"id": _ID, "created_at": _MOMENT, "updated_at": _MOMENT, "revision": _COUNT}

TASK = Entity(
    name="task",
    display_name="task",
    table=_table(Task),
    columns=_columns(
        "id",
        "user_id",
        "title",
        "description",
        "status",
        "completed",
        "priority",
        "list_id",
        "parent_id",
        "tag_ids",
        "position",
        "completed_at",
        "created_at",
        "updated_at",
        "revision",
        completed=_completed,
        tag_ids=_tag_ids,
    ),
    sort_keys={
        "created": _sort("created_at", datetime),
        "updated": _sort("updated_at", datetime),
        "title": _alphabetical("title"),
        "priority": (SortKey(lambda task: _urgency(task.c.priority), int),),
        "position": _sort("position", float),
        "completed": _COMPLETION,
    },
    default_sort=("created", True),
    relations={
        "list": ToOne("task_list", "list_id"),
        "parent": ToOne("task", "parent_id"),
        "tags": ManyToMany("tag", JoinTable(_table(TaskTag), "task_id", "tag_id")),
        "subtasks": ToMany("task", "parent_id"),
        "comments": ToMany("comment", "task_id"),
    },
    filters={
        **_VERSIONED,
        "title": _TEXT,
        "description": _OPTIONAL_TEXT,
        "status": FilterSpec(Status, _EQUALITY),
        "priority": FilterSpec(Priority, _EQUALITY | _RANGE, rank=_urgency),
        "completed": FilterSpec(bool, frozenset({"eq", "ne"})),
        "list_id": _REFERENCE,
        "parent_id": _REFERENCE,
        "position": _NUMBER,
        "completed_at": FilterSpec(datetime, _MOMENT.operators | _NULL),
    },
    search=SearchSpec("search_vector", ("title", "description"), (SortKey(_relevance, float),)),
)

TASK_LIST = Entity(
    name="task_list",
    display_name="list",
    table=_table(TaskList),
    columns=_columns("id", "user_id", "name", "color", "position", "created_at", "updated_at", "revision"),
    sort_keys={
        "created": _sort("created_at", datetime),
        "updated": _sort("updated_at", datetime),
        "name": _alphabetical("name"),
        "position": _sort("position", float),
    },
    default_sort=("position", False),
    relations={"tasks": ToMany("task", "list_id")},
    filters={**_VERSIONED, "name": _TEXT, "color": _OPTIONAL_TEXT, "position": _NUMBER},
)

TAG = Entity(
    name="tag",
    display_name="tag",
    table=_table(Tag),
    columns=_columns("id", "user_id", "name", "color", "created_at", "updated_at", "revision"),
    sort_keys={
        "created": _sort("created_at", datetime),
        "updated": _sort("updated_at", datetime),
        "name": _alphabetical("name"),
    },
    default_sort=("name", False),
    relations={"tasks": PaginatedManyToMany("task", JoinTable(_table(TaskTag), "tag_id", "task_id"))},
    filters={**_VERSIONED, "name": _TEXT, "color": _OPTIONAL_TEXT},
)

COMMENT = Entity(
    name="comment",
    display_name="comment",
    table=_table(Comment),
    columns=_columns("id", "user_id", "task_id", "body", "created_at", "updated_at", "revision"),
    sort_keys={"created": _sort("created_at", datetime), "updated": _sort("updated_at", datetime)},
    default_sort=("created", False),
    relations={"task": ToOne("task", "task_id")},
    filters={**_VERSIONED, "body": _TEXT, "task_id": _ID},
)

ACCOUNT = Entity(
    name="account",
    display_name="account",
    table=_table(User),
    columns=_columns("id", "email", "name", "created_at", "updated_at", "revision", revision=_revision),
    sort_keys={"created": _sort("created_at", datetime)},
    default_sort=("created", False),
)

ENTITIES: Mapping[str, Entity] = {entity.name: entity for entity in (TASK, TASK_LIST, TAG, COMMENT, ACCOUNT)}
NODE_ENTITIES = (TASK, TASK_LIST, TAG, COMMENT)
