"""API tokens: what they open, by their scopes, and that they open nothing once they have ended."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.support.api_clients import Door, DoorError, Doors, GraphQLDoor, RestDoor, refused
from tests.support.service import Service, run_sql
from tests.support.users import Person


def test_an_api_token_works_at_both_doors_and_is_shown_once(doors: Doors, ada: Person, service: Service) -> None:
    door = doors(ada.token)
    made = door.make_api_token(name=" Nightly ", scopes=["tasks:write", "account"], expires_in_days=7)

    assert made["name"] == "Nightly"
    assert made["scopes"] == ["account", "tasks:write"]
    assert made["token"].startswith("todo_api_")
    for kind in (RestDoor, GraphQLDoor):
        with kind(service.url, made["token"]) as program:
            task = program.create("task", title="x")
            assert program.get("task", task["id"]) == task
            assert program.me()["id"] == ada.id
    (listed,) = door.api_tokens()
    assert listed["last_used_at"] is not None
    assert {**listed, "last_used_at": None} == {name: value for name, value in made.items() if name != "token"}


def test_a_deleted_api_token_opens_nothing_at_once(doors: Doors, ada: Person) -> None:
    made = doors(ada.token).make_api_token(name="x", scopes=["tasks:read"])
    program = doors(made["token"])
    assert program.page("task") == []

    doors(ada.token).delete_api_token(made["id"])

    assert refused(lambda: program.page("task")) == "UNAUTHENTICATED"
    assert doors(ada.token).api_tokens() == []


def test_an_expired_api_token_opens_nothing(doors: Doors, ada: Person, service: Service) -> None:
    made = doors(ada.token).make_api_token(name="x", scopes=["tasks:read"])
    program = doors(made["token"])
    assert program.page("task") == []

    run_sql(service.database.owner, "UPDATE api_token SET expires_at = now() WHERE user_id = %s", ada.id)

    assert refused(lambda: program.page("task")) == "UNAUTHENTICATED"
    assert doors(ada.token).api_tokens() == []


@pytest.mark.parametrize("token", ["todo_api_", "todo_api_x", "todo_api_" + "A" * 43, "todo_api_é"])
def test_what_is_no_api_token_opens_nothing(doors: Doors, token: str) -> None:
    door = doors(None)
    door.http.headers.update([(b"Authorization", f"Bearer {token}".encode())])
    assert refused(lambda: door.page("task")) == "UNAUTHENTICATED"


def test_an_api_token_is_known_by_all_of_its_letters(doors: Doors, ada: Person) -> None:
    token = doors(ada.token).make_api_token(name="x", scopes=["tasks:read"])["token"]
    assert doors(token).page("task") == []

    for other in (token[:-1], token + "x", token[:-1] + ("x" if token[-1] != "x" else "y"), token.swapcase()):
        assert refused(partial(doors(other).page, "task")) == "UNAUTHENTICATED", other


SCOPES: dict[str, tuple[list[str], set[str]]] = {
    "reading": (["tasks:read"], {"read"}),
    "writing": (["tasks:write"], {"read", "write"}),
    "account": (["account"], {"account"}),
    "all": (["tasks:read", "tasks:write", "account"], {"read", "write", "account"}),
}


def test_an_api_token_may_be_told_its_scopes_twice_and_its_days_with_a_point(door: Door) -> None:
    made = door.make_api_token(name="x", scopes=["account", "account"], expires_in_days=7.0)

    assert made["scopes"] == ["account"]


@pytest.mark.parametrize("days", [7.5, True, "7", 1e300])
def test_an_api_token_lives_for_whole_days(rest: RestDoor, days: object) -> None:
    assert refused(lambda: rest.make_api_token(name="x", scopes=["account"], expires_in_days=days)) == "INVALID_INPUT"


@pytest.mark.parametrize("kind", SCOPES)
def test_an_api_token_does_what_its_scopes_say_and_nothing_else(doors: Doors, ada: Person, kind: str) -> None:
    scopes, allowed = SCOPES[kind]
    task = doors(ada.token).create("task", title="x")
    door = doors(doors(ada.token).make_api_token(name="x", scopes=scopes)["token"])
    acts: dict[str, list[Callable[[], object]]] = {
        "read": [lambda: door.page("task"), lambda: door.get("task", task["id"]), lambda: door.page("tag")],
        "write": [
            lambda: door.create("task", title="x"),
            lambda: door.update("task", task["id"], title="y"),
            lambda: door.complete(task["id"]),
            lambda: door.comment(task["id"], "x"),
            lambda: door.create("list", name="x"),
        ],
        "account": [door.me, door.sessions, door.api_tokens, lambda: door.change_me(name="y")],
    }
    for scope, several in acts.items():
        for act in several:
            if scope in allowed:
                act()
            else:
                assert refused(act) == "FORBIDDEN"


def test_an_api_token_cannot_make_another(doors: Doors, ada: Person) -> None:
    door = doors(doors(ada.token).make_api_token(name="x", scopes=["account"])["token"])

    assert refused(lambda: door.make_api_token(name="y", scopes=["account"])) == "FORBIDDEN"
    assert refused(door.log_out) == "FORBIDDEN"


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"expires_in_days": 0}, "/expires_in_days"),
        ({"expires_in_days": 367}, "/expires_in_days"),
    ],
)
def test_a_bad_api_token_is_refused(doors: Doors, ada: Person, members: dict[str, Any], pointer: str) -> None:
    with pytest.raises(DoorError) as invalid:
        doors(ada.token).make_api_token(**{"name": "x", "scopes": ["account"], **members})
    assert (invalid.value.code, invalid.value.pointers) == ("INVALID_INPUT", [pointer])


def test_there_may_not_be_too_many_api_tokens(doors: Doors, ada: Person, service: Service) -> None:
    statement = """INSERT INTO api_token (user_id, id, created_at, expires_at, name, scopes, token_hash)
        SELECT %s, gen_random_uuid(), now(), now() + '1 day', 'x', '{account}', n FROM generate_series(1, 100) AS n"""
    run_sql(service.database.owner, statement, ada.id)

    assert refused(lambda: doors(ada.token).make_api_token(name="x", scopes=["account"])) == "CONFLICT"
