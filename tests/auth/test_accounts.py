"""Accounts and tokens, through both doors."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from passlib.handlers.argon2 import argon2

from tests.support.api_clients import DoorError, Doors
from tests.support.service import SECRET, Service, run_sql
from tests.support.users import PASSWORD, Person, signed


def new_email() -> str:
    return f"{uuid4().hex}@Example.COM"


def test_registering_gives_a_token_that_works(doors: Doors) -> None:
    email = new_email()

    admission = doors(None).register(email=f" {email} ", password=PASSWORD, name="Ada")

    assert admission["expires_in"] == 900
    me = doors(admission["access_token"]).me()
    assert (me["email"], me["name"], me["revision"]) == (email.lower(), "Ada", 0)
    assert me["id"] == admission["user"]["id"]


def test_passwords_are_stored_as_argon2id(doors: Doors, service: Service) -> None:
    admission = doors(None).register(email=new_email(), password=PASSWORD)

    stored = run_sql(service.database.owner, 'SELECT password_hash FROM "user" WHERE id = %s', admission["user"]["id"])
    assert str(stored[0][0]).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"email": "nobody", "password": PASSWORD}, "/email"),
        ({"email": "a b@example.com", "password": PASSWORD}, "/email"),
        ({"email": "a@example.com", "password": "short"}, "/password"),
        ({"email": "a@example.com", "password": "x" * 257}, "/password"),
        ({"email": "a@example.com", "password": PASSWORD + "\x00"}, "/password"),
    ],
)
def test_a_bad_registration_is_refused(doors: Doors, members: dict[str, str], pointer: str) -> None:
    with pytest.raises(DoorError) as refused:
        doors(None).register(**members)

    assert (refused.value.code, refused.value.pointers) == ("INVALID_INPUT", [pointer])


def test_an_email_is_taken_once_whatever_its_case(doors: Doors, ada: Person) -> None:
    with pytest.raises(DoorError) as refused:
        doors(None).register(email=ada.email.upper(), password=PASSWORD)

    assert (refused.value.code, refused.value.status) == ("EMAIL_TAKEN", 409)


def test_logging_in_works_in_any_case_and_any_unicode_form(doors: Doors) -> None:
    email = new_email()
    doors(None).register(email=email, password="pässwörd")

    admission = doors(None).log_in(email.upper(), "pa\u0308sswo\u0308rd")

    assert doors(admission["access_token"]).me()["email"] == email.lower()


def test_unknown_email_and_wrong_password_are_told_the_same(doors: Doors, ada: Person) -> None:
    answers = []
    for email, password in ((ada.email, "wrong password"), (new_email(), PASSWORD), ("nonsense", "x")):
        with pytest.raises(DoorError) as refused:
            doors(None).log_in(email, password)
        answers.append((refused.value.code, refused.value.status, refused.value.detail))

    assert set(answers) == {("UNAUTHENTICATED", 401, "E-mail or password is wrong.")}


def test_whatever_is_wrong_about_a_login_it_costs_the_same_hashing(
    doors: Doors, ada: Person, eve: Person, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Count the work, not the time."""
    run_sql(service.database.owner, 'UPDATE "user" SET is_active = false WHERE id = %s', eve.id)
    calls: list[object] = []
    verify: Any = argon2.verify.__func__

    def counting(cls: type, secret: object, stored: object) -> bool:
        calls.append(cls)
        return bool(verify(cls, secret, stored))

    monkeypatch.setattr(argon2, "verify", classmethod(counting))
    costs = []
    for email, password in ((ada.email, "wrong password"), (new_email(), PASSWORD), (eve.email, PASSWORD)):
        calls.clear()
        with pytest.raises(DoorError):
            doors(None).log_in(email, password)
        costs.append(len(calls))

    assert costs == [1, 1, 1]


def test_an_account_is_changed(doors: Doors, ada: Person) -> None:
    door = doors(ada.token)

    assert door.change_me(name="Ada Lovelace")["name"] == "Ada Lovelace"
    assert door.change_me(name=None)["name"] is None
    email = new_email()
    assert door.change_me(email=email, current_password=PASSWORD)["email"] == email.lower()
    door.change_me(password="another password", current_password=PASSWORD)

    assert doors(None).log_in(email, "another password")["user"]["id"] == ada.id
    with pytest.raises(DoorError):
        doors(None).log_in(email, PASSWORD)


def test_a_change_of_the_account_takes_a_revision_and_no_change_takes_none(doors: Doors, ada: Person) -> None:
    door = doors(ada.token)
    first = door.change_me(name="Ada Lovelace")

    assert first["revision"] == 1
    assert door.change_me() == door.change_me(name="Ada Lovelace") == first
    assert door.create("task", title="x")["revision"] == 2


@pytest.mark.parametrize("current", [{}, {"current_password": "wrong password"}, {"current_password": None}])
@pytest.mark.parametrize("change", [{"email": "x@example.com"}, {"password": "another password"}])
def test_email_and_password_need_the_current_password(
    doors: Doors, ada: Person, change: dict[str, str], current: dict[str, str]
) -> None:
    with pytest.raises(DoorError) as refused:
        doors(ada.token).change_me(**change, **current)

    assert (refused.value.code, refused.value.pointers) == ("INVALID_INPUT", ["/current_password"])
    assert doors(None).log_in(ada.email, PASSWORD)


@pytest.mark.parametrize("change", [{"email": "x@example.com"}, {"password": "another password"}])
def test_an_account_without_a_password_is_given_neither_that_nor_an_email(doors: Doors, change: dict[str, str]) -> None:
    door = doors(signed({"sub": uuid4().hex}, SECRET))
    before = door.me()

    for current in ({}, {"current_password": ""}, {"current_password": "another password"}):
        with pytest.raises(DoorError) as refused:
            door.change_me(**change, **current)
        assert (refused.value.code, refused.value.pointers) == ("INVALID_INPUT", ["/password"])
    assert door.me() == before


def test_a_program_without_the_scope_cannot_try_passwords(doors: Doors, ada: Person) -> None:
    program = doors(doors(ada.token).make_api_token(name="x", scopes=["tasks:write"])["token"])

    for current in (PASSWORD, "wrong password"):
        with pytest.raises(DoorError) as refused:
            program.change_me(password="another password", current_password=current)
        assert refused.value.code == "FORBIDDEN"


def test_another_accounts_email_cannot_be_taken_over(doors: Doors, ada: Person, eve: Person) -> None:
    with pytest.raises(DoorError) as refused:
        doors(eve.token).change_me(email=ada.email, current_password=PASSWORD)

    assert refused.value.code == "EMAIL_TAKEN"


def test_deleting_an_account_removes_everything_and_its_tokens_die_at_once(doors: Doors, ada: Person, service: Service) -> None:
    door = doors(ada.token)
    tag, home = door.create("tag", name="a"), door.create("list", name="Home")
    task = door.create("task", title="x", list_id=home["id"], tag_ids=[tag["id"]])
    door.create("task", title="y", parent_id=task["id"])
    door.comment(task["id"], "Hm")

    door.delete_me()

    for act in (door.me, lambda: door.page("task"), lambda: door.create("task", title="x")):
        with pytest.raises(DoorError) as refused:
            act()
        assert (refused.value.code, refused.value.status) == ("UNAUTHENTICATED", 401)
    with pytest.raises(DoorError):
        doors(None).log_in(ada.email, PASSWORD)
    for table in ("user_revision", "task", "task_list", "tag", "task_tag", "comment"):
        assert run_sql(service.database.owner, f"SELECT count(*) FROM {table} WHERE user_id = %s", ada.id) == [(0,)]


@pytest.mark.parametrize("claim", ["sub", "user_id", "id"])
def test_a_token_signed_elsewhere_opens_an_account_on_first_use(doors: Doors, claim: str) -> None:
    user_id = f"clerk|{uuid4().hex}"
    email = new_email()
    door = doors(signed({claim: user_id, "email": email, "name": "Zoë"}, SECRET))

    task = door.create("task", title="x")
    me = door.me()

    assert (me["id"], me["email"], me["name"], me["revision"]) == (user_id, email.lower(), "Zoë", 1)
    assert doors(signed({claim: user_id}, SECRET)).get("task", task["id"]) == task


def test_a_token_signed_elsewhere_may_begin_with_reading(doors: Doors) -> None:
    assert doors(signed({"user_id": int(time.time_ns())}, SECRET)).page("task") == []


def test_a_foreign_account_does_not_get_an_email_that_is_taken(doors: Doors, ada: Person) -> None:
    door = doors(signed({"sub": uuid4().hex, "email": ada.email}, SECRET))

    assert door.me()["email"] is None
    assert doors(ada.token).me()["email"] == ada.email


def test_a_foreign_token_older_than_the_deletion_does_not_bring_the_account_back(doors: Doors) -> None:
    user_id, now = uuid4().hex, int(time.time())
    door = doors(signed({"sub": user_id, "iat": now}, SECRET))
    door.create("task", title="x")
    door.delete_me()

    for old in (door, doors(signed({"sub": user_id}, SECRET))):
        with pytest.raises(DoorError) as refused:
            old.page("task")
        assert refused.value.code == "UNAUTHENTICATED"


def test_a_foreign_token_newer_than_the_deletion_opens_a_new_account(doors: Doors, service: Service) -> None:
    user_id = uuid4().hex
    door = doors(signed({"sub": user_id, "iat": int(time.time())}, SECRET))
    door.create("task", title="x")
    door.delete_me()
    run_sql(
        service.database.owner,
        "UPDATE deleted_user SET deleted_at = deleted_at - interval '1 minute' WHERE user_id = %s",
        user_id,
    )

    assert door.page("task") == []
    door.delete_me()
    with pytest.raises(DoorError) as refused:
        door.page("task")
    assert refused.value.code == "UNAUTHENTICATED"


BAD_TOKENS: dict[str, Callable[[str], str]] = {
    "expired": lambda user: signed({"sub": user}, SECRET, lifetime=-1),
    "forged": lambda user: signed({"sub": user}, "another secret, also long enough to be one"),
    "unsigned": lambda user: signed({"sub": user}, "", algorithm="none"),
    "of another algorithm": lambda user: signed({"sub": user}, SECRET * 2, algorithm="HS512"),
    "without expiry": lambda user: signed({"sub": user, "exp": None}, SECRET),
    "of the future": lambda user: signed({"sub": user, "iat": int(time.time()) + 600}, SECRET),
    "ours without jti": lambda user: signed({"sub": user, "iss": "todo", "iat": int(time.time())}, SECRET),
    "of nobody": lambda _: signed({"sub": ""}, SECRET),
    "without user": lambda _: signed({"name": "x"}, SECRET),
    "of a list": lambda user: signed({"sub": [user]}, SECRET),
    "of a long name": lambda _: signed({"sub": "x" * 65}, SECRET),
    "of a bad name": lambda _: signed({"sub": "a\x00b"}, SECRET),
    "with a strange expiry": lambda user: signed({"sub": user, "exp": "soon"}, SECRET),
    "no token": lambda _: "x.y.z",
    "deeply nested": lambda _: "W1tb" * 7_000 + ".e30.x",
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_a_bad_token_opens_nothing(doors: Doors, ada: Person, kind: str) -> None:
    door = doors(BAD_TOKENS[kind](ada.id))

    for act in (door.me, lambda: door.page("task"), lambda: door.create("task", title="x"), door.delete_me):
        with pytest.raises(DoorError) as refused:
            act()
        assert (refused.value.code, refused.value.status) == ("UNAUTHENTICATED", 401)


def test_an_inactive_account_opens_nothing(doors: Doors, ada: Person, service: Service) -> None:
    run_sql(service.database.owner, 'UPDATE "user" SET is_active = false WHERE id = %s', ada.id)

    with pytest.raises(DoorError) as refused:
        doors(ada.token).page("task")
    assert refused.value.code == "UNAUTHENTICATED"
    with pytest.raises(DoorError) as no_login:
        doors(None).log_in(ada.email, PASSWORD)
    assert no_login.value.detail == "E-mail or password is wrong."


def test_a_bad_token_does_not_keep_anyone_from_logging_in(doors: Doors, ada: Person) -> None:
    assert doors("x.y.z").log_in(ada.email, PASSWORD)["user"]["id"] == ada.id


def test_a_token_in_use_expires_all_the_same(doors: Doors, ada: Person) -> None:
    door = doors(signed({"sub": ada.id}, SECRET, lifetime=2))
    assert door.me()["id"] == ada.id

    time.sleep(2.1)

    with pytest.raises(DoorError) as refused:
        door.me()
    assert (refused.value.code, refused.value.detail) == ("UNAUTHENTICATED", "The token has expired.")
