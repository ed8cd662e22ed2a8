"""Accounts and access tokens over both APIs."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jwt
import pytest
from passlib.handlers.argon2 import argon2

from tests.support.account_deletion import wait_until_deleted
from tests.support.api_clients import ApiError, ClientFactory, expect_error
from tests.support.service import SECRET, RunningService, run_sql
from tests.support.users import PASSWORD, TestUser, sign_token

# Shorter than the limit of 254 characters; in lower case, U+0130 becomes two.
LONG_WHEN_FOLDED = "\u0130" * 127 + "@example.com"


def new_email() -> str:
    return f"{uuid4().hex}@Example.COM"


def test_register_returns_a_working_token(make_client: ClientFactory) -> None:
    email = new_email()

    registered = make_client(None).register(email=f" {email} ", password=PASSWORD, name="Ada")

    assert registered["expires_in"] == 900
    me = make_client(registered["access_token"]).me()
    assert (me["email"], me["name"], me["revision"]) == (email.lower(), "Ada", 0)
    assert me["id"] == registered["user"]["id"]


def test_password_is_stored_as_argon2id_hash(make_client: ClientFactory, service: RunningService) -> None:
    registered = make_client(None).register(email=new_email(), password=PASSWORD)

    stored = run_sql(service.database.owner, 'SELECT password_hash FROM "user" WHERE id = %s', registered["user"]["id"])
    assert str(stored[0][0]).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"email": "not an address", "password": PASSWORD}, "/email"),
        ({"email": "a b@example.com", "password": PASSWORD}, "/email"),
        ({"email": LONG_WHEN_FOLDED, "password": PASSWORD}, "/email"),
        ({"email": "a@example.com", "password": "short"}, "/password"),
        ({"email": "a@example.com", "password": "x" * 257}, "/password"),
        ({"email": "a@example.com", "password": PASSWORD + "\x00"}, "/password"),
    ],
)
def test_invalid_registration_returns_pointer(make_client: ClientFactory, fields: dict[str, str], pointer: str) -> None:
    with pytest.raises(ApiError) as error:
        make_client(None).register(**fields)

    assert (error.value.code, error.value.pointers) == ("INVALID_INPUT", [pointer])


def test_email_may_be_as_long_as_its_column_when_it_is_folded(make_client: ClientFactory) -> None:
    email = "\u0130" * 110 + new_email()[-33:]

    registered = make_client(None).register(email=f" {email} ", password=PASSWORD)

    assert registered["user"]["email"] == email.lower()
    assert len(email) < len(email.lower()) <= 254
    assert make_client(None).log_in(email, PASSWORD)["user"] == registered["user"]


def test_email_too_long_when_folded_is_rejected_everywhere(make_client: ClientFactory, user: TestUser) -> None:
    with expect_error("INVALID_INPUT") as error:
        make_client(user.token).change_me(email=LONG_WHEN_FOLDED, current_password=PASSWORD)
    assert error.value.pointers == ["/email"]
    with expect_error("INVALID_INPUT") as error:
        make_client(None).log_in(LONG_WHEN_FOLDED, PASSWORD)

    client = make_client(sign_token({"sub": uuid4().hex, "email": LONG_WHEN_FOLDED}, SECRET))
    assert client.page("task") == []
    assert client.me()["email"] is None


def test_email_is_unique_ignoring_case(make_client: ClientFactory, user: TestUser) -> None:
    with pytest.raises(ApiError) as error:
        make_client(None).register(email=user.email.upper(), password=PASSWORD)

    assert (error.value.code, error.value.status) == ("EMAIL_TAKEN", 409)


def test_login_accepts_any_email_case_and_unicode_normalization_form(make_client: ClientFactory) -> None:
    email = new_email()
    make_client(None).register(email=email, password="pässwörd")

    login = make_client(None).log_in(email.upper(), "pa\u0308sswo\u0308rd")

    assert make_client(login["access_token"]).me()["email"] == email.lower()


def test_unknown_email_and_wrong_password_return_the_same_error(make_client: ClientFactory, user: TestUser) -> None:
    errors = []
    for email, password in ((user.email, "wrong password"), (new_email(), PASSWORD), ("nonsense", "x")):
        with pytest.raises(ApiError) as error:
            make_client(None).log_in(email, password)
        errors.append((error.value.code, error.value.status, error.value.detail))

    assert set(errors) == {("UNAUTHENTICATED", 401, "Invalid e-mail or password.")}


def test_failed_login_always_verifies_exactly_one_hash(
    make_client: ClientFactory, user: TestUser, other_user: TestUser, service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Count hash verifications instead of measuring time."""
    run_sql(service.database.owner, 'UPDATE "user" SET is_active = false WHERE id = %s', other_user.id)
    calls: list[object] = []
    verify: Any = argon2.verify.__func__

    def count_and_verify(cls: type, secret: object, stored: object) -> bool:
        calls.append(cls)
        return bool(verify(cls, secret, stored))

    monkeypatch.setattr(argon2, "verify", classmethod(count_and_verify))
    costs = []
    for email, password in ((user.email, "wrong password"), (new_email(), PASSWORD), (other_user.email, PASSWORD)):
        calls.clear()
        with pytest.raises(ApiError):
            make_client(None).log_in(email, password)
        costs.append(len(calls))

    assert costs == [1, 1, 1]


def test_account_update_changes_name_email_and_password(make_client: ClientFactory, user: TestUser) -> None:
    client = make_client(user.token)

    assert client.change_me(name="Ada Lovelace")["name"] == "Ada Lovelace"
    assert client.change_me(name=None)["name"] is None
    email = new_email()
    assert client.change_me(email=email, current_password=PASSWORD)["email"] == email.lower()
    client.change_me(password="another password", current_password=PASSWORD)

    assert make_client(None).log_in(email, "another password")["user"]["id"] == user.id
    with pytest.raises(ApiError):
        make_client(None).log_in(email, PASSWORD)


def test_account_update_bumps_revision_only_on_change(make_client: ClientFactory, user: TestUser) -> None:
    client = make_client(user.token)
    first = client.change_me(name="Ada Lovelace")

    assert first["revision"] == 1
    assert client.change_me() == client.change_me(name="Ada Lovelace") == first
    assert client.create("task", title="x")["revision"] == 2


def test_account_can_be_sent_back_without_the_current_password(make_client: ClientFactory, user: TestUser) -> None:
    """The e-mail did not change, however it is written."""
    client = make_client(user.token)

    for email in (client.me()["email"], user.email.upper()):
        assert client.change_me(name="Ada Lovelace", email=email)["name"] == "Ada Lovelace"
    external = make_client(sign_token({"sub": uuid4().hex, "email": new_email()}, SECRET))
    assert external.change_me(name="Eve", email=external.me()["email"])["name"] == "Eve"


@pytest.mark.parametrize("current", [{}, {"current_password": "wrong password"}, {"current_password": None}])
@pytest.mark.parametrize("change", [{"email": "x@example.com"}, {"password": "another password"}])
def test_email_and_password_change_require_the_current_password(
    make_client: ClientFactory, user: TestUser, change: dict[str, str], current: dict[str, str]
) -> None:
    with pytest.raises(ApiError) as error:
        make_client(user.token).change_me(**change, **current)

    assert (error.value.code, error.value.pointers) == ("INVALID_INPUT", ["/current_password"])
    assert make_client(None).log_in(user.email, PASSWORD)


@pytest.mark.parametrize("change", [{"email": "x@example.com"}, {"password": "another password"}])
def test_account_without_password_cannot_set_email_or_password(make_client: ClientFactory, change: dict[str, str]) -> None:
    client = make_client(sign_token({"sub": uuid4().hex}, SECRET))
    before = client.me()

    for current in ({}, {"current_password": ""}, {"current_password": "another password"}):
        with pytest.raises(ApiError) as error:
            client.change_me(**change, **current)
        assert (error.value.code, error.value.pointers) == ("INVALID_INPUT", ["/password"])
    assert client.me() == before


def test_api_token_without_account_scope_cannot_change_the_password(make_client: ClientFactory, user: TestUser) -> None:
    api_token_client = make_client(make_client(user.token).make_api_token(name="x", scopes=["tasks:write"])["token"])

    for current in (PASSWORD, "wrong password"):
        with pytest.raises(ApiError) as error:
            api_token_client.change_me(password="another password", current_password=current)
        assert error.value.code == "FORBIDDEN"


def test_email_of_another_account_cannot_be_taken(make_client: ClientFactory, user: TestUser, other_user: TestUser) -> None:
    with pytest.raises(ApiError) as error:
        make_client(other_user.token).change_me(email=user.email, current_password=PASSWORD)

    assert error.value.code == "EMAIL_TAKEN"


def test_deleting_an_account_deletes_its_rows_and_rejects_its_tokens(
    make_client: ClientFactory, user: TestUser, service: RunningService
) -> None:
    client = make_client(user.token)
    tag, home = client.create("tag", name="a"), client.create("list", name="Home")
    task = client.create("task", title="x", list_id=home["id"], tag_ids=[tag["id"]])
    client.create("task", title="y", parent_id=task["id"])
    client.comment(task["id"], "Hm")

    client.delete_me()

    for call in (client.me, lambda: client.page("task"), lambda: client.create("task", title="x")):
        with pytest.raises(ApiError) as error:
            call()
        assert (error.value.code, error.value.status) == ("UNAUTHENTICATED", 401)
    with pytest.raises(ApiError):
        make_client(None).log_in(user.email, PASSWORD)
    wait_until_deleted(service.database, user.id)


@pytest.mark.parametrize("claim", ["sub", "user_id", "id"])
def test_external_token_provisions_an_account_on_first_use(make_client: ClientFactory, claim: str) -> None:
    user_id = f"clerk|{uuid4().hex}"
    email = new_email()
    client = make_client(sign_token({claim: user_id, "email": email, "name": "Zoë"}, SECRET))

    task = client.create("task", title="x")
    me = client.me()

    assert (me["id"], me["email"], me["name"], me["revision"]) == (user_id, email.lower(), "Zoë", 1)
    assert make_client(sign_token({claim: user_id}, SECRET)).get("task", task["id"]) == task


def test_external_token_can_read_before_any_write(make_client: ClientFactory) -> None:
    assert make_client(sign_token({"user_id": int(time.time_ns())}, SECRET)).page("task") == []


def test_email_already_in_use_is_not_given_to_an_external_account(make_client: ClientFactory, user: TestUser) -> None:
    client = make_client(sign_token({"sub": uuid4().hex, "email": user.email}, SECRET))

    assert client.me()["email"] is None
    assert make_client(user.token).me()["email"] == user.email


def test_external_token_issued_before_account_deletion_is_rejected(make_client: ClientFactory) -> None:
    user_id, now = uuid4().hex, int(time.time())
    client = make_client(sign_token({"sub": user_id, "iat": now}, SECRET))
    client.create("task", title="x")
    client.delete_me()

    for old_client in (client, make_client(sign_token({"sub": user_id}, SECRET))):
        with pytest.raises(ApiError) as error:
            old_client.page("task")
        assert error.value.code == "UNAUTHENTICATED"


def test_external_token_issued_after_account_deletion_provisions_again(
    make_client: ClientFactory, service: RunningService
) -> None:
    user_id = uuid4().hex
    client = make_client(sign_token({"sub": user_id, "iat": int(time.time())}, SECRET))
    client.create("task", title="x")
    client.delete_me()
    run_sql(
        service.database.owner,
        "UPDATE deleted_user SET deleted_at = deleted_at - interval '1 minute' WHERE user_id = %s",
        user_id,
    )
    wait_until_deleted(service.database, user_id)

    assert client.page("task") == []
    client.delete_me()
    with pytest.raises(ApiError) as error:
        client.page("task")
    assert error.value.code == "UNAUTHENTICATED"


def test_time_claims_have_a_leeway_of_30_seconds(make_client: ClientFactory, user: TestUser) -> None:
    """For own tokens and for those of an external issuer that shares the secret."""
    own, now = jwt.decode(user.token, options={"verify_signature": False}), int(time.time())
    for claims in (own, {"sub": user.id}):
        for skewed in ({"exp": now - 20}, {"iat": now + 20}, {"nbf": now + 20}):
            assert make_client(sign_token({**claims, **skewed}, SECRET)).me()["id"] == user.id, skewed
        for skewed in ({"exp": now - 31}, {"iat": now + 60}, {"nbf": now + 60}):
            with expect_error("UNAUTHENTICATED"):
                make_client(sign_token({**claims, **skewed}, SECRET)).me()


INVALID_TOKENS: dict[str, Callable[[str], str]] = {
    "expired": lambda user: sign_token({"sub": user}, SECRET, lifetime=-31),
    "forged": lambda user: sign_token({"sub": user}, "another secret, also long enough to be one"),
    "unsigned": lambda user: sign_token({"sub": user}, "", algorithm="none"),
    "other algorithm": lambda user: sign_token({"sub": user}, SECRET * 2, algorithm="HS512"),
    "without expiry": lambda user: sign_token({"sub": user, "exp": None}, SECRET),
    "issued in the future": lambda user: sign_token({"sub": user, "iat": int(time.time()) + 600}, SECRET),
    "local issuer without jti": lambda user: sign_token({"sub": user, "iss": "todo", "iat": int(time.time())}, SECRET),
    "empty user id": lambda _: sign_token({"sub": ""}, SECRET),
    "no user id": lambda _: sign_token({"name": "x"}, SECRET),
    "list as user id": lambda user: sign_token({"sub": [user]}, SECRET),
    "too long user id": lambda _: sign_token({"sub": "x" * 65}, SECRET),
    "NUL in user id": lambda _: sign_token({"sub": "a\x00b"}, SECRET),
    "text as expiry": lambda user: sign_token({"sub": user, "exp": "soon"}, SECRET),
    "malformed": lambda _: "x.y.z",
    "deeply nested": lambda _: "W1tb" * 7_000 + ".e30.x",
}


@pytest.mark.parametrize("kind", INVALID_TOKENS)
def test_invalid_access_token_is_rejected(make_client: ClientFactory, user: TestUser, kind: str) -> None:
    client = make_client(INVALID_TOKENS[kind](user.id))

    for call in (client.me, lambda: client.page("task"), lambda: client.create("task", title="x"), client.delete_me):
        with pytest.raises(ApiError) as error:
            call()
        assert (error.value.code, error.value.status) == ("UNAUTHENTICATED", 401)


def test_inactive_account_is_rejected(make_client: ClientFactory, user: TestUser, service: RunningService) -> None:
    run_sql(service.database.owner, 'UPDATE "user" SET is_active = false WHERE id = %s', user.id)

    with pytest.raises(ApiError) as error:
        make_client(user.token).page("task")
    assert error.value.code == "UNAUTHENTICATED"
    with pytest.raises(ApiError) as no_login:
        make_client(None).log_in(user.email, PASSWORD)
    assert no_login.value.detail == "Invalid e-mail or password."


def test_login_ignores_an_invalid_authorization_header(make_client: ClientFactory, user: TestUser) -> None:
    assert make_client("x.y.z").log_in(user.email, PASSWORD)["user"]["id"] == user.id


def test_cached_token_is_rejected_after_expiry(make_client: ClientFactory, user: TestUser) -> None:
    client = make_client(sign_token({"sub": user.id}, SECRET, lifetime=-28))
    assert client.me()["id"] == user.id

    time.sleep(2.1)

    with pytest.raises(ApiError) as error:
        client.me()
    assert (error.value.code, error.value.detail) == ("UNAUTHENTICATED", "The token has expired.")
