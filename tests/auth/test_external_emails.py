"""E-mails of external users: a new one is taken over from the next token, in both APIs."""

import time
from typing import Any
from uuid import uuid4

from tests.support.api_clients import ApiClient, ClientFactory
from tests.support.service import SECRET, RunningService
from tests.support.users import TestUser, sign_token

NOW = int(time.time())


def new_email() -> str:
    return f"{uuid4().hex}@example.com"


def client_for(make_client: ClientFactory, user_id: str, **claims: Any) -> ApiClient:
    return make_client(sign_token({"sub": user_id, "iat": NOW, **claims}, SECRET))


def account_version(service: RunningService, user_id: str) -> object:
    """Return the transaction that last wrote the account."""
    return service.database.execute('SELECT xmin::text FROM "user" WHERE id = %s', user_id)


def test_new_email_of_an_external_user_is_taken_over_from_the_next_token(make_client: ClientFactory) -> None:
    user_id, old, new = uuid4().hex, new_email(), new_email()
    before = client_for(make_client, user_id, email=old).me()
    other_id = uuid4().hex

    client = client_for(make_client, user_id, email=new.upper())
    assert client.page("task") == []
    after = client.me()

    assert (before["email"], after["email"]) == (old, new)
    assert after["revision"] == before["revision"] + 1
    assert client_for(make_client, other_id, email=old).me()["email"] == old


def test_new_email_is_taken_over_by_a_write(make_client: ClientFactory) -> None:
    user_id, new = uuid4().hex, new_email()
    client_for(make_client, user_id, email=new_email()).create("task", title="x")

    client = client_for(make_client, user_id, email=new)
    task = client.create("task", title="y")

    assert (client.me()["email"], client.me()["revision"]) == (new, task["revision"])


def test_first_email_of_an_external_user_is_taken_over(make_client: ClientFactory) -> None:
    user_id, new = uuid4().hex, new_email()
    assert client_for(make_client, user_id).me()["email"] is None

    assert client_for(make_client, user_id, email=new, iat=None).me()["email"] == new
    assert client_for(make_client, user_id).me()["email"] == new


def test_older_token_does_not_bring_back_the_old_email(make_client: ClientFactory, service: RunningService) -> None:
    user_id, new = uuid4().hex, new_email()
    older = client_for(make_client, user_id, email=new_email(), iat=NOW - 60)
    newer = client_for(make_client, user_id, email=new)
    assert older.me() != newer.me()
    version = account_version(service, user_id)

    assert older.me() == newer.me() == {**older.me(), "email": new}
    assert account_version(service, user_id) == version


def test_email_of_another_account_is_not_taken_over_until_it_is_free(
    make_client: ClientFactory, service: RunningService, user: TestUser
) -> None:
    user_id, old = uuid4().hex, new_email()
    before = client_for(make_client, user_id, email=old).me()
    client = client_for(make_client, user_id, email=user.email)
    assert client.me() == before
    version = account_version(service, user_id)
    client.page("task")
    assert account_version(service, user_id) == version, "the same token must not try again"
    assert make_client(user.token).me()["email"] == user.email

    make_client(user.token).delete_me()

    assert client_for(make_client, user_id, email=user.email, iat=NOW + 1).me()["email"] == user.email


def test_external_token_does_not_change_the_email_of_a_local_account(make_client: ClientFactory, user: TestUser) -> None:
    assert client_for(make_client, user.id, email=new_email()).me()["email"] == user.email
