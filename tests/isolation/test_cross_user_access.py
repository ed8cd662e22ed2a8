"""No user ever sees or touches another's data, at neither door. The locks behind the doors are tried one by one elsewhere."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from tests.support.api_clients import Door, DoorError, RestDoor
from tests.support.service import Service
from tests.support.users import Person

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
        for user_id in (ada.id, "nobody", "%00", "Me", "me%20", eve.id.upper(), f"{eve.id}%20", eve.id[:-1]):
            assert told(partial(door.send, "GET", f"/api/{user_id}/tasks"))[:2] == ("FORBIDDEN", 403)
        assert door.send("GET", f"/api/{eve.id}/tasks").json() == door.send("GET", "/api/me/tasks").json() == []
