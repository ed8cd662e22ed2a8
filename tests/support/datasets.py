"""Data to read: worlds made without the service, so that whatever reads them has to be right by itself."""

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg2
from psycopg2.extras import execute_values

from models.task import Priority, Status

Row = dict[str, Any]
Rows = Mapping[str, list[Row]]

# Parents before children. A table's rows go in by one statement, so a task may refer to a task further down.
TABLES = ("user", "user_revision", "task_list", "tag", "task", "task_tag", "comment")

# Few values for many rows: there are ties in every order, and what is equal ignoring case.
_MOMENTS = [datetime(2026, 1, day, 12, 30, 15, micro, UTC) for day, micro in ((1, 0), (2, 500_000), (3, 123_456), (4, 0))]
_POSITIONS = [-3.25, 0.1, 1.0, 1.5, 2.0, 1e12]
_TITLES = ["milk", "Milk", "MILK", "oat milk", "bread", "a1", "a10", "b", "Zebra", "zebra"]
_TEXTS = [None, "", "100% of_it", "back\\slash", 'a "quote"', "äöü ß €", "two\nlines", "milk"]
_COLORS = [None, "#fff", "teal"]


@dataclass
class _Maker:
    dice: random.Random
    user_id: str

    def versioned(self, *, deleted: bool = False) -> Row:
        return {
            "user_id": self.user_id,
            "id": str(uuid.UUID(int=self.dice.getrandbits(128), version=4)),
            "created_at": self.dice.choice(_MOMENTS),
            "updated_at": self.dice.choice(_MOMENTS),
            "revision": self.dice.randrange(1, 50),
            "deleted_at": self.dice.choice(_MOMENTS) if deleted else None,
        }

    def account(self) -> tuple[Row, Row]:
        account = {"id": self.user_id, "email": f"{self.user_id}@example.com", "name": None, "is_active": True}
        moments = {"created_at": _MOMENTS[0], "updated_at": _MOMENTS[1]}
        return {**account, **moments}, {"user_id": self.user_id, "revision": 50, "purged_revision": 0}

    def task_list(self, *, deleted: bool = False) -> Row:
        looks = {"name": self.dice.choice(_TITLES), "color": self.dice.choice(_COLORS), "position": self.dice.choice(_POSITIONS)}
        return {**self.versioned(deleted=deleted), **looks}

    def tag(self, name: str, *, deleted: bool = False) -> Row:
        return {**self.versioned(deleted=deleted), "name": name, "color": self.dice.choice(_COLORS)}

    def task(self, task_list: Row | None, parent: Row | None, *, deleted: bool = False) -> Row:
        status = self.dice.choice(list(Status))
        return {
            **self.versioned(deleted=deleted),
            "list_id": task_list and task_list["id"],
            "parent_id": parent and parent["id"],
            "title": self.dice.choice(_TITLES),
            "description": self.dice.choice(_TEXTS),
            "status": str(status),
            "priority": str(self.dice.choice(list(Priority))),
            "completed_at": self.dice.choice(_MOMENTS) if status == Status.COMPLETED else None,
            "position": self.dice.choice(_POSITIONS),
        }

    def comment(self, task: Row, *, deleted: bool = False) -> Row:
        body = self.dice.choice([text for text in _TEXTS if text])
        return {**self.versioned(deleted=deleted), "task_id": task["id"], "body": body}

    def bearing(self, task: Row, tag: Row) -> Row:
        return {"user_id": self.user_id, "task_id": task["id"], "tag_id": tag["id"]}


def motley(user_id: str, *, tasks: int = 60) -> Rows:
    """Make a user's data as the service leaves it: an empty list, an unused tag, a tree of tasks, tombstones of every kind."""
    make = _Maker(random.Random(user_id), user_id)  # noqa: S311 - the same data every time
    account, revision = make.account()
    lists = [make.task_list() for _ in range(8)]
    tags = [make.tag(name) for name in ("home", "Errand", "a", "B", "work10", "work1")]
    family: list[Row] = []
    for number in range(tasks):
        # Families of ten, each a few levels deep.
        parent = make.dice.choice(family[-(number % 10) :]) if number % 10 else None
        family.append(make.task(make.dice.choice([None, *lists[1:]]), parent))
    gone = [make.task(make.dice.choice(lists), make.dice.choice([None, *family]), deleted=True) for _ in range(tasks // 4)]
    bearings = [make.bearing(task, tag) for task in family + gone for tag in make.dice.sample(tags[1:], make.dice.randrange(4))]
    comments = [make.comment(task, deleted=make.dice.random() < 0.2) for task in family for _ in range(make.dice.randrange(4))]
    return {
        "user": [account],
        "user_revision": [revision],
        "task_list": [*lists, *(make.task_list(deleted=True) for _ in range(2))],
        "tag": [*tags, make.tag("home", deleted=True), make.tag("gone", deleted=True)],
        "task": family + gone,
        "task_tag": bearings,
        "comment": [*comments, *(make.comment(task, deleted=True) for task in gone)],
    }


def ring(user_id: str, *, tasks: int) -> Rows:
    """Make data in which no relation of any row is empty, however deep one asks: the tasks are a ring of parents.

    A larger ring begins with the rows of a smaller one.
    """
    make = _Maker(random.Random(user_id), user_id)  # noqa: S311 - the same data every time
    account, revision = make.account()
    lists = [make.task_list() for _ in range(10)]
    tags = [make.tag(f"tag{number}") for number in range(10)]
    family, comments = [], []
    for number in range(tasks):
        family.append(make.task(lists[number % 10], None))
        comments.append(make.comment(family[-1]))
    for number, task in enumerate(family):
        task["parent_id"] = family[number - 1]["id"]
    return {
        "user": [account],
        "user_revision": [revision],
        "task_list": lists,
        "tag": tags,
        "task": family,
        "task_tag": [make.bearing(task, tags[(number + more) % 10]) for number, task in enumerate(family) for more in (0, 3)],
        "comment": comments,
    }


def put(url: str, *worlds: Rows) -> None:
    """Write worlds into a database, as its owner."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        for table in TABLES:
            rows: Sequence[Row] = [row for world in worlds for row in world[table]]
            columns = ", ".join(rows[0])
            values = [tuple(row.values()) for row in rows]
            execute_values(cursor, f'INSERT INTO "{table}" ({columns}) VALUES %s', values, page_size=len(values))
    connection.close()


def everything(url: str) -> Rows:
    """Read all rows of all users, deleted ones too, with nothing but SELECT *."""
    connection = psycopg2.connect(url)
    found: dict[str, list[Row]] = {}
    with connection, connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column.name for column in cursor.description or ()]
            found[table] = [_in_utc(dict(zip(names, values, strict=True))) for values in cursor.fetchall()]
    connection.close()
    return found


def _in_utc(row: Row) -> Row:
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()}
