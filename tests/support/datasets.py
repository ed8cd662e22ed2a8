"""Datasets written without the service, so that reads are tested independently of writes."""

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg2
from psycopg2.extras import execute_values

from models.columns import with_computed_columns
from models.tables import TABLES as MODELS
from models.task import Priority, Status

Row = dict[str, Any]
Rows = Mapping[str, list[Row]]

# Parents before children. One statement inserts all rows of a table, so a task may refer to a later one.
TABLES = ("user", "user_revision", "task_list", "tag", "task", "task_tag", "comment")
_MODELS = {str(model.__tablename__): model for model in MODELS}

# Few distinct values for many rows: every order has ties, and some values differ in case only.
_TIMESTAMPS = [datetime(2026, 1, day, 12, 30, 15, micro, UTC) for day, micro in ((1, 0), (2, 500_000), (3, 123_456), (4, 0))]
_POSITIONS = [-3.25, 0.1, 1.0, 1.5, 2.0, 1e12]
_TITLES = ["milk", "Milk", "MILK", "oat milk", "bread", "a1", "a10", "b", "Zebra", "zebra", "Äpfel", "a2", "zoë", "zoe x"]
_TEXTS = [None, "", "100% of_it", "back\\slash", 'a "quote"', "äöü ß €", "two\nlines", "milk"]
_COLORS = [None, "#fff", "teal"]


@dataclass
class _RowFactory:
    rng: random.Random
    user_id: str

    def versioned(self, *, deleted: bool = False) -> Row:
        return {
            "user_id": self.user_id,
            "id": str(uuid.UUID(int=self.rng.getrandbits(128), version=4)),
            "created_at": self.rng.choice(_TIMESTAMPS),
            "updated_at": self.rng.choice(_TIMESTAMPS),
            "revision": self.rng.randrange(1, 50),
            "deleted_at": self.rng.choice(_TIMESTAMPS) if deleted else None,
        }

    def account(self) -> tuple[Row, Row]:
        account = {"id": self.user_id, "email": f"{self.user_id}@example.com", "name": None, "is_active": True}
        timestamps = {"created_at": _TIMESTAMPS[0], "updated_at": _TIMESTAMPS[1]}
        return {**account, **timestamps}, {"user_id": self.user_id, "revision": 50, "purged_revision": 0}

    def task_list(self, *, deleted: bool = False) -> Row:
        columns = {"name": self.rng.choice(_TITLES), "color": self.rng.choice(_COLORS), "position": self.rng.choice(_POSITIONS)}
        return {**self.versioned(deleted=deleted), **columns}

    def tag(self, name: str, *, deleted: bool = False) -> Row:
        return {**self.versioned(deleted=deleted), "name": name, "color": self.rng.choice(_COLORS)}

    def task(self, task_list: Row | None, parent: Row | None, *, deleted: bool = False) -> Row:
        status = self.rng.choice(list(Status))
        return {
            **self.versioned(deleted=deleted),
            "list_id": task_list and task_list["id"],
            "parent_id": parent and parent["id"],
            "title": self.rng.choice(_TITLES),
            "description": self.rng.choice(_TEXTS),
            "status": str(status),
            "priority": str(self.rng.choice(list(Priority))),
            "completed_at": self.rng.choice(_TIMESTAMPS) if status == Status.COMPLETED else None,
            "position": self.rng.choice(_POSITIONS),
        }

    def comment(self, task: Row, *, deleted: bool = False) -> Row:
        body = self.rng.choice([text for text in _TEXTS if text])
        return {**self.versioned(deleted=deleted), "task_id": task["id"], "body": body}

    def tag_link(self, task: Row, tag: Row) -> Row:
        return {"user_id": self.user_id, "task_id": task["id"], "tag_id": tag["id"]}


def varied_dataset(user_id: str, *, tasks: int = 60) -> Rows:
    """Return a user's data with empty lists, unused tags, trees of tasks and soft-deleted rows of every type."""
    factory = _RowFactory(random.Random(user_id), user_id)  # noqa: S311 - reproducible
    account, revision = factory.account()
    lists = [factory.task_list() for _ in range(8)]
    tags = [factory.tag(name) for name in ("home", "Chores", "a", "B", "work10", "work9", "Ärger")]
    task_rows: list[Row] = []
    for number in range(tasks):
        # Trees of ten tasks, a few levels deep.
        parent = factory.rng.choice(task_rows[-(number % 10) :]) if number % 10 else None
        task_rows.append(factory.task(factory.rng.choice([None, *lists[1:]]), parent))
    deleted = [
        factory.task(factory.rng.choice(lists), factory.rng.choice([None, *task_rows]), deleted=True) for _ in range(tasks // 4)
    ]
    tag_links = [
        factory.tag_link(task, tag)
        for task in task_rows + deleted
        for tag in factory.rng.sample(tags[1:], factory.rng.randrange(4))
    ]
    comments = [
        factory.comment(task, deleted=factory.rng.random() < 0.2) for task in task_rows for _ in range(factory.rng.randrange(4))
    ]
    return {
        "user": [account],
        "user_revision": [revision],
        "task_list": [*lists, *(factory.task_list(deleted=True) for _ in range(2))],
        "tag": [*tags, factory.tag("home", deleted=True), factory.tag("deleted", deleted=True)],
        "task": task_rows + deleted,
        "task_tag": tag_links,
        "comment": [*comments, *(factory.comment(task, deleted=True) for task in deleted)],
    }


def cyclic_dataset(user_id: str, *, tasks: int) -> Rows:
    """Return data without empty relations at any depth: the parents of the tasks form a cycle.

    A larger dataset begins with the rows of a smaller one.
    """
    factory = _RowFactory(random.Random(user_id), user_id)  # noqa: S311 - reproducible
    account, revision = factory.account()
    lists = [factory.task_list() for _ in range(10)]
    tags = [factory.tag(f"tag{number}") for number in range(10)]
    task_rows, comments = [], []
    for number in range(tasks):
        task_rows.append(factory.task(lists[number % 10], None))
        comments.append(factory.comment(task_rows[-1]))
    for number, task in enumerate(task_rows):
        task["parent_id"] = task_rows[number - 1]["id"]
    return {
        "user": [account],
        "user_revision": [revision],
        "task_list": lists,
        "tag": tags,
        "task": task_rows,
        "task_tag": [
            factory.tag_link(task, tags[(number + offset) % 10]) for number, task in enumerate(task_rows) for offset in (0, 3)
        ],
        "comment": comments,
    }


def insert_datasets(url: str, *datasets: Rows) -> None:
    """Insert datasets as the owner of the database."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        for table in TABLES:
            model = _MODELS[table]
            rows: Sequence[Row] = [with_computed_columns(model, row) for dataset in datasets for row in dataset[table]]
            columns = ", ".join(rows[0])
            values = [tuple(row.values()) for row in rows]
            execute_values(cursor, f'INSERT INTO "{table}" ({columns}) VALUES %s', values, page_size=len(values))
    connection.close()


def dump_tables(url: str) -> Rows:
    """Return all rows of all users, including deleted ones, read with SELECT *."""
    connection = psycopg2.connect(url)
    rows_by_table: dict[str, list[Row]] = {}
    with connection, connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column.name for column in cursor.description or ()]
            rows_by_table[table] = [_in_utc(dict(zip(names, values, strict=True))) for values in cursor.fetchall()]
    connection.close()
    return rows_by_table


def _in_utc(row: Row) -> Row:
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()}
