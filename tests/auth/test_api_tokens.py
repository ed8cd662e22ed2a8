"""API tokens: scopes, lifetime and revocation."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.api_clients import ApiClient, ApiError, ClientFactory, GraphQLClient, RestClient, expect_error
from tests.support.service import RunningService, run_sql
from tests.support.users import TestUser


def test_api_token_works_with_both_apis_and_its_secret_is_shown_once(
    make_client: ClientFactory, user: TestUser, service: RunningService
) -> None:
    client = make_client(user.token)
    created = client.make_api_token(name=" Nightly ", scopes=["tasks:write", "account"], expires_in_days=7)

    assert created["name"] == "Nightly"
    assert created["scopes"] == ["account", "tasks:write"]
    assert created["token"].startswith("todo_api_")
    for kind in (RestClient, GraphQLClient):
        with kind(service.url, created["token"]) as api_client:
            task = api_client.create("task", title="x")
            assert api_client.get("task", task["id"]) == task
            assert api_client.me()["id"] == user.id
    (listed,) = client.api_tokens()
    assert {**listed, "last_used_at": None} == {name: value for name, value in created.items() if name != "token"}


def test_deleted_api_token_is_rejected_immediately(make_client: ClientFactory, user: TestUser) -> None:
    created = make_client(user.token).make_api_token(name="x", scopes=["tasks:read"])
    api_client = make_client(created["token"])
    assert api_client.page("task") == []

    make_client(user.token).delete_api_token(created["id"])

    with expect_error("UNAUTHENTICATED"):
        api_client.page("task")
    assert make_client(user.token).api_tokens() == []


def test_expired_api_token_is_rejected(make_client: ClientFactory, user: TestUser, service: RunningService) -> None:
    created = make_client(user.token).make_api_token(name="x", scopes=["tasks:read"])
    api_client = make_client(created["token"])
    assert api_client.page("task") == []

    run_sql(service.database.owner, "UPDATE api_token SET expires_at = now() WHERE user_id = %s", user.id)

    with expect_error("UNAUTHENTICATED"):
        api_client.page("task")
    assert make_client(user.token).api_tokens() == []


@pytest.mark.parametrize("token", ["todo_api_", "todo_api_x", "todo_api_" + "A" * 43, "todo_api_é"])
def test_malformed_api_token_is_rejected(make_client: ClientFactory, token: str) -> None:
    client = make_client(None)
    client.http.headers.update([(b"Authorization", f"Bearer {token}".encode())])
    with expect_error("UNAUTHENTICATED"):
        client.page("task")


def test_api_token_with_a_changed_character_is_rejected(make_client: ClientFactory, user: TestUser) -> None:
    token = make_client(user.token).make_api_token(name="x", scopes=["tasks:read"])["token"]
    assert make_client(token).page("task") == []

    for changed in (token[:-1], token + "x", token[:-1] + ("x" if token[-1] != "x" else "y"), token.swapcase()):
        with expect_error("UNAUTHENTICATED"):
            make_client(changed).page("task")


SCOPES: dict[str, tuple[list[str], set[str]]] = {
    "reading": (["tasks:read"], {"read"}),
    "writing": (["tasks:write"], {"read", "write"}),
    "account": (["account"], {"account"}),
    "all": (["tasks:read", "tasks:write", "account"], {"read", "write", "account"}),
}


def test_api_token_accepts_duplicate_scopes_and_integral_float_days(client: ApiClient) -> None:
    created = client.make_api_token(name="x", scopes=["account", "account"], expires_in_days=7.0)

    assert created["scopes"] == ["account"]


@pytest.mark.parametrize("days", [7.5, True, "7", 1e300])
def test_api_token_lifetime_must_be_whole_days(rest_client: RestClient, days: object) -> None:
    with expect_error("INVALID_INPUT"):
        rest_client.make_api_token(name="x", scopes=["account"], expires_in_days=days)


@pytest.mark.parametrize("kind", SCOPES)
def test_api_token_scopes_limit_operations(make_client: ClientFactory, user: TestUser, kind: str) -> None:
    scopes, allowed = SCOPES[kind]
    task = make_client(user.token).create("task", title="x")
    client = make_client(make_client(user.token).make_api_token(name="x", scopes=scopes)["token"])
    calls_by_scope: dict[str, list[Callable[[], object]]] = {
        "read": [lambda: client.page("task"), lambda: client.get("task", task["id"]), lambda: client.page("tag")],
        "write": [
            lambda: client.create("task", title="x"),
            lambda: client.update("task", task["id"], title="y"),
            lambda: client.complete(task["id"]),
            lambda: client.comment(task["id"], "x"),
            lambda: client.create("list", name="x"),
        ],
        "account": [client.me, client.sessions, client.api_tokens, lambda: client.change_me(name="y")],
    }
    for scope, calls in calls_by_scope.items():
        for call in calls:
            if scope in allowed:
                call()
            else:
                with expect_error("FORBIDDEN"):
                    call()


def test_api_token_cannot_create_api_tokens_or_log_out(make_client: ClientFactory, user: TestUser) -> None:
    client = make_client(make_client(user.token).make_api_token(name="x", scopes=["account"])["token"])

    with expect_error("FORBIDDEN"):
        client.make_api_token(name="y", scopes=["account"])
    with expect_error("FORBIDDEN"):
        client.log_out()


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"expires_in_days": 0}, "/expires_in_days"),
        ({"expires_in_days": 367}, "/expires_in_days"),
    ],
)
def test_invalid_api_token_input_returns_pointer(
    make_client: ClientFactory, user: TestUser, fields: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(ApiError) as invalid:
        make_client(user.token).make_api_token(**{"name": "x", "scopes": ["account"], **fields})
    assert (invalid.value.code, invalid.value.pointers) == ("INVALID_INPUT", [pointer])


def test_api_token_count_per_user_is_limited(make_client: ClientFactory, user: TestUser, service: RunningService) -> None:
    statement = """INSERT INTO api_token (user_id, id, created_at, expires_at, name, scopes, token_hash)
        SELECT %s, gen_random_uuid(), now(), now() + '1 day', 'x', '{account}', n FROM generate_series(1, 100) AS n"""
    run_sql(service.database.owner, statement, user.id)

    with expect_error("CONFLICT"):
        make_client(user.token).make_api_token(name="x", scopes=["account"])
