"""No user ever sees or touches another's data: at both doors, and in the database where the service is not asked."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from models.tables import TABLES
from tests.conftest import Service, run_sql
from tests.doors import Door, DoorError, RestDoor
from tests.factories import Person

Doors = Callable[[str | None], Door]


def told(act: Callable[[], object]) -> tuple[str, int, str]:
    with pytest.raises(DoorError) as error:
        act()
    return error.value.code, error.value.status, error.value.detail


def test_anothers_rows_are_told_from_random_ids_by_nothing(doors: Doors, ada: Person, eve: Person) -> None:
    hers, mine = doors(ada.token), doors(eve.token)
    task = hers.create("task", title="Secret")
    rows = {
        "task": task["id"],
        "list": hers.create("list", name="Secret")["id"],
        "tag": hers.create("tag", name="Secret")["id"],
    }
    comment = hers.comment(task["id"], "Secret")["id"]
    before = hers.page("task"), hers.page("list"), hers.page("tag"), hers.comments(task["id"])

    for kind, row_id in rows.items():
        member: dict[str, Any] = {"title": "x"} if kind == "task" else {"name": "x"}
        act: Callable[..., Any]
        for act in (partial(mine.get, kind), partial(mine.update, kind, **member), partial(mine.delete, kind)):
            assert told(partial(act, row_id)) == told(partial(act, str(uuid4())))
    for act in (mine.complete, mine.restore, mine.comments, partial(mine.comment, body="x")):
        assert told(partial(act, task["id"])) == told(partial(act, str(uuid4())))
    assert told(lambda: mine.update("comment", comment, body="x")) == told(lambda: mine.update("comment", str(uuid4()), body="x"))
    assert told(lambda: mine.create("task", title="x", list_id=rows["list"]))[0] == "INVALID_INPUT"
    assert told(lambda: mine.create("task", title="x", tag_ids=[rows["tag"]]))[0] == "INVALID_INPUT"
    assert told(lambda: mine.create("task", title="x", parent_id=rows["task"]))[0] == "INVALID_INPUT"

    assert (mine.page("task"), mine.page("list"), mine.page("tag")) == ([], [], [])
    assert (hers.page("task"), hers.page("list"), hers.page("tag"), hers.comments(task["id"])) == before


def test_two_users_may_choose_the_same_id(doors: Doors, ada: Person, eve: Person) -> None:
    task_id = str(uuid4())

    doors(ada.token).create("task", id=task_id, title="Hers")
    doors(eve.token).create("task", id=task_id, title="Mine")

    assert doors(ada.token).get("task", task_id)["title"] == "Hers"
    assert doors(eve.token).get("task", task_id)["title"] == "Mine"


def test_a_cursor_works_for_its_user_alone(service: Service, ada: Person, eve: Person) -> None:
    links = {}
    for person in (ada, eve):
        with RestDoor(service.url, person.token) as door:
            for title in "ab":
                door.create("task", title=title)
            links[person.id] = door.send("GET", "/api/me/tasks?limit=1").links["next"]["url"]
    with RestDoor(service.url, ada.token) as door:
        assert door.send("GET", links[ada.id]).status_code == 200
        assert told(lambda: door.send("GET", links[eve.id]))[0] == "INVALID_INPUT"


def test_the_path_must_name_the_tokens_user(service: Service, ada: Person, eve: Person) -> None:
    with RestDoor(service.url, eve.token) as door:
        for user_id in (ada.id, "nobody", "%00", "Me"):
            assert told(partial(door.send, "GET", f"/api/{user_id}/tasks"))[:2] == ("FORBIDDEN", 403)
        assert door.send("GET", f"/api/{eve.id}/tasks").json() == door.send("GET", "/api/me/tasks").json() == []


ALL_TABLES = [str(table.__tablename__) for table in TABLES]


@pytest.mark.parametrize("table", ALL_TABLES)
def test_row_level_security_shows_nothing_without_a_user(service: Service, ada: Person, table: str) -> None:
    with RestDoor(service.url, ada.token) as door:
        tag = door.create("tag", name="a")
        task = door.create("task", title="x", tag_ids=[tag["id"]], list_id=door.create("list", name="a")["id"])
        door.comment(task["id"], "x")

    url = service.database.service
    assert run_sql(url, f'BEGIN; SET LOCAL ROLE todo_app; SELECT count(*) FROM "{table}"') == [(0,)]
    assert run_sql(url, f'SELECT count(*) FROM "{table}"') == [(0,)]


def test_row_level_security_shows_a_user_only_what_is_hers(service: Service, ada: Person, eve: Person) -> None:
    for person in (ada, eve):
        with RestDoor(service.url, person.token) as door:
            door.create("task", title="x")
    as_eve = f"BEGIN; SET LOCAL ROLE todo_app; SET LOCAL app.user_id = '{eve.id}'; "

    url = service.database.service
    assert run_sql(url, as_eve + "SELECT DISTINCT user_id FROM task") == [(eve.id,)]
    assert run_sql(url, as_eve + 'SELECT id FROM "user"') == [(eve.id,)]
    assert run_sql(url, as_eve + "UPDATE task SET title = 'z' WHERE user_id = %s RETURNING id", ada.id) == []
    assert run_sql(url, as_eve + "DELETE FROM task WHERE user_id = %s RETURNING id", ada.id) == []
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="row-level security"):
        run_sql(url, as_eve + "INSERT INTO user_revision VALUES (%s, 1, 0)", "someone else")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="row-level security"):
        run_sql(url, as_eve + "UPDATE task SET user_id = %s", ada.id)


def test_logging_in_sees_one_account_and_nothing_else(service: Service, ada: Person) -> None:
    as_login = f"BEGIN; SET LOCAL ROLE todo_app; SET LOCAL app.login_email = '{ada.email}'; "

    url = service.database.service
    assert run_sql(url, as_login + 'SELECT id FROM "user"') == [(ada.id,)]
    assert run_sql(url, as_login + "UPDATE \"user\" SET name = 'z' RETURNING id") == []
    assert run_sql(url, as_login + "SELECT count(*) FROM user_revision") == [(0,)]


@pytest.mark.parametrize(
    "reference",
    [
        "INSERT INTO task_tag SELECT %(eve)s, %(task)s, id FROM tag WHERE user_id = %(eve)s",
        "UPDATE task SET list_id = %(list)s WHERE user_id = %(eve)s",
        "UPDATE task SET parent_id = %(task)s WHERE user_id = %(eve)s",
        "INSERT INTO comment SELECT %(eve)s, gen_random_uuid(), %(task)s, 'x', now(), now(), 1",
    ],
)
def test_keys_refuse_to_point_into_anothers_data_even_for_the_owner_of_the_tables(
    service: Service, ada: Person, eve: Person, reference: str
) -> None:
    with RestDoor(service.url, ada.token) as door:
        names = {"eve": eve.id, "list": door.create("list", name="a")["id"], "task": door.create("task", title="x")["id"]}
    with RestDoor(service.url, eve.token) as door:
        door.create("task", title="mine", tag_ids=[door.create("tag", name="a")["id"]])

    connection = psycopg2.connect(service.database.owner)
    try:
        with pytest.raises(psycopg2.errors.ForeignKeyViolation), connection.cursor() as cursor:
            cursor.execute(reference, names)
    finally:
        connection.close()
