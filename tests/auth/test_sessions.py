"""Login sessions: refresh, logout and expiry."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import jwt
import psycopg2
import pytest
from passlib.context import CryptContext

from services.auth.password_hashing import PasswordHasher
from services.auth.sessions import MAX_SESSIONS
from tests.support.api_clients import TLS, ApiError, ClientFactory, GraphQLClient, RestClient, expect_error
from tests.support.service import SECRET, RunningService, run_sql
from tests.support.users import PASSWORD, TestUser, sign_token

_DAYS: list[dict[str, Any]] = [{}, {"expires_in_days": 7}]


def session_of(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["sid"])


def age_last_refresh(service: RunningService, user: TestUser, seconds: int) -> None:
    """Move the user's last refresh into the past by this number of seconds."""
    statement = "UPDATE login_session SET rotated_at = rotated_at - make_interval(secs => %s) WHERE user_id = %s"
    run_sql(service.database.owner, statement, seconds, user.id)


def test_refresh_returns_new_tokens_of_the_same_session(make_client: ClientFactory, user: TestUser) -> None:
    fresh = make_client(None).refresh(user.refresh_token)

    assert fresh["user"]["id"] == user.id
    assert fresh["refresh_token"] != user.refresh_token
    assert session_of(fresh["access_token"]) == session_of(user.token)
    assert make_client(fresh["access_token"]).me()["id"] == user.id
    assert make_client(None).refresh(fresh["refresh_token"])["expires_in"] == 900


def test_refresh_is_idempotent_within_the_retry_window(make_client: ClientFactory, user: TestUser) -> None:
    first = make_client(None).refresh(user.refresh_token)
    again = make_client(None).refresh(user.refresh_token)

    assert again["refresh_token"] == first["refresh_token"]
    assert make_client(None).refresh(first["refresh_token"])["user"]["id"] == user.id


def error_code(call: Callable[[], object]) -> str:
    """Return the code of the error that the call raises."""
    with pytest.raises(ApiError) as caught:
        call()
    return caught.value.code


def error_code_after_waiting(service: RunningService, user: TestUser, call: Callable[[], object], statement: str) -> str:
    """Return the error code of a call that waits for a lock while `statement` runs in another transaction."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as pool, closing(psycopg2.connect(service.database.owner)) as other, other.cursor() as cursor:
        cursor.execute("SELECT FROM user_revision WHERE user_id = %s FOR UPDATE", (user.id,))
        cursor.execute(statement, (user.id,))
        response = pool.submit(error_code, call)
        while not run_sql(service.database.owner, waiting) and not response.done():
            time.sleep(0.01)
        other.commit()
        return response.result()


END_SESSIONS = "DELETE FROM login_session WHERE user_id = %s"


def test_refresh_racing_with_session_end_is_rejected(service: RunningService, make_client: ClientFactory, user: TestUser) -> None:
    refresh = partial(make_client(None).refresh, user.refresh_token)

    assert error_code_after_waiting(service, user, refresh, END_SESSIONS) == "UNAUTHENTICATED"


def test_write_racing_with_session_end_is_rejected(service: RunningService, make_client: ClientFactory, user: TestUser) -> None:
    write = partial(make_client(user.token).create, "task", title="After the end")

    assert error_code_after_waiting(service, user, write, END_SESSIONS) == "UNAUTHENTICATED"
    assert run_sql(service.database.owner, "SELECT id FROM task WHERE user_id = %s", user.id) == []


def test_write_racing_with_api_token_deletion_is_rejected(
    service: RunningService, make_client: ClientFactory, user: TestUser
) -> None:
    token = make_client(user.token).make_api_token(name="A script", scopes=["tasks:write"])["token"]
    make_client(token).create("task", title="Before the end")
    write = partial(make_client(token).create, "task", title="After the end")

    assert error_code_after_waiting(service, user, write, "DELETE FROM api_token WHERE user_id = %s") == "UNAUTHENTICATED"
    assert run_sql(service.database.owner, "SELECT title FROM task WHERE user_id = %s", user.id) == [("Before the end",)]


def test_write_racing_with_account_deactivation_is_rejected(
    service: RunningService, make_client: ClientFactory, user: TestUser
) -> None:
    write = partial(make_client(user.token).create, "task", title="After the end")
    deactivate = """UPDATE "user" SET is_active = false WHERE id = %s"""

    assert error_code_after_waiting(service, user, write, deactivate) == "UNAUTHENTICATED"


def new_password() -> tuple[str, str]:
    """Return the SQL that changes a user's password, and the hash that it stores."""
    stored = PasswordHasher(1).hash("another password")
    return f"""UPDATE "user" SET password_hash = '{stored}' WHERE id = %s""", stored


def test_login_racing_with_password_change_is_rejected(
    service: RunningService, make_client: ClientFactory, user: TestUser
) -> None:
    log_in = partial(make_client(None).log_in, user.email, PASSWORD)
    change, _ = new_password()

    assert error_code_after_waiting(service, user, log_in, change) == "UNAUTHENTICATED"
    assert len(make_client(user.token).sessions()) == 1


def test_login_rehash_does_not_overwrite_a_concurrent_password_change(
    service: RunningService, make_client: ClientFactory, user: TestUser
) -> None:
    older = CryptContext(["argon2"], argon2__type="ID", argon2__memory_cost=8192, argon2__time_cost=1, argon2__parallelism=1)
    hash_of = 'SELECT password_hash FROM "user" WHERE id = %s'
    run_sql(service.database.owner, 'UPDATE "user" SET password_hash = %s WHERE id = %s', older.hash(PASSWORD), user.id)
    log_in = partial(make_client(None).log_in, user.email, PASSWORD)
    change, stored = new_password()

    error_code_after_waiting(service, user, log_in, change)

    assert run_sql(service.database.owner, hash_of, user.id) == [(stored,)]


def test_password_change_racing_with_another_is_rejected(
    service: RunningService, make_client: ClientFactory, user: TestUser
) -> None:
    token = make_client(user.token).make_api_token(name="A script", scopes=["account"])["token"]
    make_client(token).me()
    change_password = partial(make_client(token).change_me, password="a third password", current_password=PASSWORD)
    change, stored = new_password()

    assert error_code_after_waiting(service, user, change_password, change) == "INVALID_INPUT"
    assert run_sql(service.database.owner, 'SELECT password_hash FROM "user" WHERE id = %s', user.id) == [(stored,)]


def test_concurrent_refreshes_return_the_same_token(make_client: ClientFactory, user: TestUser) -> None:
    clients = [make_client(None) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        tokens = list(threads.map(lambda client: client.refresh(user.refresh_token)["refresh_token"], clients))

    assert len(set(tokens)) == 1
    assert make_client(None).refresh(tokens[0])


def test_reused_refresh_token_ends_only_its_session(make_client: ClientFactory, user: TestUser, service: RunningService) -> None:
    other_session = make_client(None).log_in(user.email, PASSWORD)
    fresh = make_client(None).refresh(user.refresh_token)
    age_last_refresh(service, user, 11)

    with expect_error("UNAUTHENTICATED"):
        make_client(None).refresh(user.refresh_token)

    for ended in (user.token, fresh["access_token"]):
        with expect_error("UNAUTHENTICATED"):
            make_client(ended).me()
    with expect_error("UNAUTHENTICATED"):
        make_client(None).refresh(fresh["refresh_token"])
    assert make_client(other_session["access_token"]).me()["id"] == user.id
    assert make_client(None).refresh(other_session["refresh_token"])


def test_refresh_retry_window_includes_9_seconds(make_client: ClientFactory, user: TestUser, service: RunningService) -> None:
    fresh = make_client(None).refresh(user.refresh_token)
    age_last_refresh(service, user, 9)

    assert make_client(None).refresh(user.refresh_token)["refresh_token"] == fresh["refresh_token"]


def test_refresh_token_two_generations_old_ends_the_session(make_client: ClientFactory, user: TestUser) -> None:
    second = make_client(None).refresh(user.refresh_token)["refresh_token"]
    third = make_client(None).refresh(second)["refresh_token"]

    with expect_error("UNAUTHENTICATED"):
        make_client(None).refresh(user.refresh_token)
    with expect_error("UNAUTHENTICATED"):
        make_client(None).refresh(third)


TAMPERED: dict[str, Callable[[str], str]] = {
    "truncated": lambda token: token[:-1],
    "extended": lambda token: token + "x",
    "without prefix": lambda token: token.replace("todo_refresh_", ""),
    "without separator": lambda token: token.replace(".", ""),
    "without secret": lambda token: token.split(".")[0] + ".",
    "prefix only": lambda _: "todo_refresh_.",
    "short": lambda _: "x",
    "not ASCII": lambda _: "todo_refresh_é.é",
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_tampered_refresh_token_is_rejected(make_client: ClientFactory, user: TestUser, tamper: Callable[[str], str]) -> None:
    with expect_error("UNAUTHENTICATED"):
        make_client(None).refresh(tamper(user.refresh_token))


@pytest.mark.parametrize("refresh_token", ["", "x" * 201, "a\x00b"])
def test_refresh_token_of_invalid_length_returns_422(make_client: ClientFactory, refresh_token: str) -> None:
    with pytest.raises(ApiError) as invalid:
        make_client(None).refresh(refresh_token)
    assert (invalid.value.code, invalid.value.pointers) == ("INVALID_INPUT", ["/refresh_token"])


def test_access_and_refresh_tokens_are_not_interchangeable(make_client: ClientFactory, user: TestUser) -> None:
    with expect_error("UNAUTHENTICATED"):
        make_client(user.refresh_token).me()
    with expect_error("UNAUTHENTICATED"):
        make_client(None).refresh(user.token[:200])


def lifetime(credential: Mapping[str, str], since: str) -> timedelta:
    return datetime.fromisoformat(credential["expires_at"]) - datetime.fromisoformat(credential[since])


def test_token_lifetimes_match_the_documentation(make_client: ClientFactory, user: TestUser, service: RunningService) -> None:
    client = make_client(user.token)
    claims = jwt.decode(user.token, options={"verify_signature": False})
    days = [lifetime(client.make_api_token(name="x", scopes=["account"], **tokens), "created_at").days for tokens in _DAYS]
    (session,) = client.sessions()

    assert claims["exp"] - claims["iat"] == 15 * 60
    assert days == [90, 7]
    assert lifetime(session, "created_at") == timedelta(days=30)

    run_sql(service.database.owner, "UPDATE login_session SET expires_at = now() + interval '1 hour' WHERE user_id = %s", user.id)
    make_client(None).refresh(user.refresh_token)

    (session,) = client.sessions()
    assert lifetime(session, "last_used_at") == timedelta(days=30)


def test_logout_ends_the_session_in_both_apis(make_client: ClientFactory, user: TestUser, service: RunningService) -> None:
    with RestClient(service.url, user.token) as rest_client, GraphQLClient(service.url, user.token) as graphql_client:
        assert rest_client.me() == graphql_client.me()

        make_client(user.token).log_out()

        for client in (rest_client, graphql_client):
            for call in (
                client.me,
                lambda client=client: client.page("task"),
                lambda client=client: client.create("task", title="x"),
            ):
                with expect_error("UNAUTHENTICATED"):
                    call()
    with expect_error("UNAUTHENTICATED"):
        make_client(None).refresh(user.refresh_token)


def test_logout_accepts_a_refresh_token_without_an_access_token(make_client: ClientFactory, user: TestUser) -> None:
    fresh = make_client(None).refresh(user.refresh_token)

    make_client(None).log_out(fresh["refresh_token"])
    make_client(None).log_out(fresh["refresh_token"])  # a retry is safe

    with expect_error("UNAUTHENTICATED"):
        make_client(user.token).me()


def test_logout_ends_only_one_session(make_client: ClientFactory, user: TestUser) -> None:
    others = [make_client(None).log_in(user.email, PASSWORD) for _ in range(3)]

    make_client(user.token).log_out()
    make_client(None).log_out(others[0]["refresh_token"])

    for ended in (user.token, others[0]["access_token"]):
        with expect_error("UNAUTHENTICATED"):
            make_client(ended).me()
    assert len(make_client(others[1]["access_token"]).sessions()) == len(others[1:])
    assert make_client(None).refresh(others[2]["refresh_token"])["user"]["id"] == user.id


def test_logout_requires_a_session(make_client: ClientFactory, user: TestUser) -> None:
    with expect_error("UNAUTHENTICATED"):
        make_client(None).log_out()
    with expect_error("FORBIDDEN"):
        make_client(sign_token({"sub": user.id}, SECRET)).log_out()
    assert make_client(user.token).me()


def test_sessions_are_listed_and_ended_individually(make_client: ClientFactory, user: TestUser) -> None:
    client = make_client(user.token)
    client.http.headers["User-Agent"] = "Phone"
    other = client.log_in(user.email, PASSWORD)

    listed = client.sessions()

    assert [(session["id"], session["current"]) for session in listed] == [
        (session_of(other["access_token"]), False),
        (session_of(user.token), True),
    ]
    assert listed[0]["device"] == "Phone"
    assert listed[0]["created_at"] <= listed[0]["last_used_at"] < listed[0]["expires_at"]
    assert not {"handle_hash", "current_hash", "salt"} & listed[0].keys()

    client.end_session(listed[0]["id"])

    with expect_error("UNAUTHENTICATED"):
        make_client(other["access_token"]).me()
    assert [session["id"] for session in client.sessions()] == [session_of(user.token)]
    with expect_error("NOT_FOUND"):
        client.end_session(listed[0]["id"])


def test_other_sessions_are_ended_together(make_client: ClientFactory, user: TestUser) -> None:
    others = [make_client(None).log_in(user.email, PASSWORD)["access_token"] for _ in range(3)]

    make_client(user.token).end_other_sessions()

    for token in others:
        with expect_error("UNAUTHENTICATED"):
            make_client(token).me()
    assert make_client(user.token).me()["id"] == user.id


def test_password_change_ends_other_sessions(make_client: ClientFactory, user: TestUser) -> None:
    other = make_client(None).log_in(user.email, PASSWORD)

    make_client(user.token).change_me(password="another password", current_password=PASSWORD)

    with expect_error("UNAUTHENTICATED"):
        make_client(other["access_token"]).me()
    with expect_error("UNAUTHENTICATED"):
        make_client(None).refresh(other["refresh_token"])
    assert make_client(user.token).me()
    assert make_client(None).refresh(user.refresh_token)


def test_email_change_keeps_other_sessions(make_client: ClientFactory, user: TestUser) -> None:
    other = make_client(None).log_in(user.email, PASSWORD)

    make_client(user.token).change_me(name="Ada", email=f"{uuid4().hex}@example.com", current_password=PASSWORD)

    assert make_client(other["access_token"]).me()["name"] == "Ada"


def test_oldest_session_is_evicted_at_the_limit(service: RunningService, user: TestUser) -> None:
    statement = """INSERT INTO login_session (user_id, id, created_at, last_used_at, expires_at, handle_hash, current_hash)
        SELECT %s, gen_random_uuid(), now(), now() + make_interval(secs => n), now() + '1 day', 'x', 'x'
        FROM generate_series(1, %s) AS n"""
    run_sql(service.database.owner, statement, user.id, MAX_SESSIONS - 1)

    with RestClient(service.url, user.token) as client:
        assert len(client.sessions()) == MAX_SESSIONS
        newest = client.log_in(user.email, PASSWORD)
        with expect_error("UNAUTHENTICATED"):
            client.me()
    with RestClient(service.url, newest["access_token"]) as client:
        assert len(client.sessions()) == MAX_SESSIONS


def test_expired_session_is_rejected_and_deleted(make_client: ClientFactory, user: TestUser, service: RunningService) -> None:
    run_sql(service.database.owner, "UPDATE login_session SET expires_at = now() WHERE user_id = %s", user.id)

    with expect_error("UNAUTHENTICATED"):
        make_client(user.token).me()
    with expect_error("UNAUTHENTICATED"):
        make_client(None).refresh(user.refresh_token)
    new = make_client(None).log_in(user.email, PASSWORD)
    assert len(make_client(new["access_token"]).sessions()) == 1
    assert run_sql(service.database.owner, "SELECT count(*) FROM login_session WHERE user_id = %s", user.id) == [(1,)]


def test_sessions_and_api_tokens_of_other_users_are_not_accessible(
    make_client: ClientFactory, user: TestUser, other_user: TestUser
) -> None:
    other_client = make_client(other_user.token)
    api_token = make_client(user.token).make_api_token(name="x", scopes=["account"])

    with expect_error("NOT_FOUND"):
        other_client.end_session(session_of(user.token))
    with expect_error("NOT_FOUND"):
        other_client.delete_api_token(api_token["id"])
    other_client.end_other_sessions()
    assert make_client(user.token).me()
    assert [session["id"] for session in other_client.sessions()] == [session_of(other_user.token)]
    assert other_client.api_tokens() == []


def test_tokens_are_stored_only_as_hashes(make_client: ClientFactory, user: TestUser, service: RunningService) -> None:
    fresh = make_client(None).refresh(user.refresh_token)
    created = make_client(user.token).make_api_token(name="x", scopes=["account"])

    stored = run_sql(service.database.owner, "SELECT row_to_json(s)::text FROM login_session s WHERE user_id = %s", user.id)
    stored += run_sql(service.database.owner, "SELECT row_to_json(t)::text FROM api_token t WHERE user_id = %s", user.id)

    assert len(stored) == 2
    for token in (user.refresh_token, fresh["refresh_token"], created["token"]):
        for part in token.removeprefix("todo_refresh_").removeprefix("todo_api_").split("."):
            assert part not in str(stored)


def test_token_responses_are_not_cacheable(service: RunningService, user: TestUser) -> None:
    with RestClient(service.url, user.token) as client:
        created = client.send("POST", "/api/auth/tokens", json={"name": "x", "scopes": ["account"]})
        refreshed = client.send("POST", "/api/auth/refresh", json={"refresh_token": user.refresh_token})

    assert created.headers["cache-control"] == refreshed.headers["cache-control"] == "no-store"


def test_graphql_selects_session_and_api_token_fields(graphql_client: GraphQLClient, user: TestUser) -> None:
    graphql_client.make_api_token(name="a", scopes=["tasks:read"])
    data = graphql_client.run(
        """{ s: sessions { kind: __typename ...Times current } apiTokens { __typename named: name scopes }
           viewer { id } tasks { totalCount } }
           fragment Times on Session { createdAt }"""
    )

    assert data["s"][0] == {"kind": "Session", "createdAt": data["s"][0]["createdAt"], "current": True}
    assert data["apiTokens"] == [{"__typename": "ApiToken", "named": "a", "scopes": ["TASKS_READ"]}]
    assert (data["viewer"], data["tasks"]) == ({"id": user.id}, {"totalCount": 0})


def test_deleting_an_account_deletes_sessions_and_api_tokens(
    make_client: ClientFactory, user: TestUser, service: RunningService
) -> None:
    api_token_client = make_client(make_client(user.token).make_api_token(name="x", scopes=["tasks:read"])["token"])
    assert api_token_client.page("task") == []

    make_client(user.token).delete_me()

    with expect_error("UNAUTHENTICATED"):
        api_token_client.page("task")
    with expect_error("UNAUTHENTICATED"):
        make_client(None).refresh(user.refresh_token)
    for table in ("login_session", "api_token"):
        assert run_sql(service.database.owner, f"SELECT count(*) FROM {table} WHERE user_id = %s", user.id) == [(0,)]


def test_session_device_is_the_user_agent_up_to_200_characters(service: RunningService, user: TestUser) -> None:
    body = {"username": user.email, "password": PASSWORD}
    for user_agent, device in ((b"", None), ("Gerät".encode("latin-1"), "Gerät"), (b"x" * 300, "x" * 200)):
        response = httpx.post(f"{service.url}/api/auth/login", data=body, headers={b"User-Agent": user_agent}, verify=TLS)
        with RestClient(service.url, response.json()["access_token"]) as client:
            assert client.sessions()[0]["device"] == device
