"""Users cannot see or change rows of other users over either API."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from tests.support.api_clients import ApiError, ClientFactory, RestClient, expect_error
from tests.support.service import RunningService
from tests.support.users import TestUser


def error_of(call: Callable[[], object]) -> tuple[str, int, str]:
    """Return code, status and detail of the error that the call raises."""
    with pytest.raises(ApiError) as error:
        call()
    return error.value.code, error.value.status, error.value.detail


def test_foreign_and_unknown_ids_return_the_same_errors(make_client: ClientFactory, user: TestUser, other_user: TestUser) -> None:
    client, other_client = make_client(user.token), make_client(other_user.token)
    task = client.create("task", title="Secret")
    rows = {
        "task": task["id"],
        "list": client.create("list", name="Secret")["id"],
        "tag": client.create("tag", name="Secret")["id"],
    }
    comment = client.comment(task["id"], "Secret")["id"]
    before = client.page("task"), client.page("list"), client.page("tag"), client.comments(task["id"])

    for kind, row_id in rows.items():
        fields: dict[str, Any] = {"title": "x"} if kind == "task" else {"name": "x"}
        call: Callable[..., Any]
        for call in (
            partial(other_client.get, kind),
            partial(other_client.update, kind, **fields),
            partial(other_client.delete, kind),
        ):
            assert error_of(partial(call, row_id)) == error_of(partial(call, str(uuid4())))
    for call in (other_client.complete, other_client.restore, other_client.comments, partial(other_client.comment, body="x")):
        assert error_of(partial(call, task["id"])) == error_of(partial(call, str(uuid4())))
    assert error_of(lambda: other_client.update("comment", comment, body="x")) == error_of(
        lambda: other_client.update("comment", str(uuid4()), body="x")
    )
    with expect_error("INVALID_INPUT"):
        other_client.create("task", title="x", list_id=rows["list"])
    with expect_error("INVALID_INPUT"):
        other_client.create("task", title="x", tag_ids=[rows["tag"]])
    with expect_error("INVALID_INPUT"):
        other_client.create("task", title="x", parent_id=rows["task"])

    assert (other_client.page("task"), other_client.page("list"), other_client.page("tag")) == ([], [], [])
    assert (client.page("task"), client.page("list"), client.page("tag"), client.comments(task["id"])) == before


def test_two_users_may_use_the_same_id(make_client: ClientFactory, user: TestUser, other_user: TestUser) -> None:
    task_id = str(uuid4())

    make_client(user.token).create("task", id=task_id, title="Of one user")
    make_client(other_user.token).create("task", id=task_id, title="Of another user")

    assert make_client(user.token).get("task", task_id)["title"] == "Of one user"
    assert make_client(other_user.token).get("task", task_id)["title"] == "Of another user"


def test_cursor_of_another_user_is_rejected(service: RunningService, user: TestUser, other_user: TestUser) -> None:
    links = {}
    for account in (user, other_user):
        with RestClient(service.url, account.token) as client:
            for title in "ab":
                client.create("task", title=title)
            links[account.id] = client.send("GET", "/api/me/tasks?limit=1").links["next"]["url"]
    with RestClient(service.url, user.token) as client:
        assert client.send("GET", links[user.id]).status_code == 200
        with expect_error("INVALID_INPUT"):
            client.send("GET", links[other_user.id])


def test_user_id_in_path_must_match_the_token(service: RunningService, user: TestUser, other_user: TestUser) -> None:
    with RestClient(service.url, other_user.token) as client:
        for user_id in (
            user.id,
            "unknown",
            "%00",
            "Me",
            "me%20",
            other_user.id.upper(),
            f"{other_user.id}%20",
            other_user.id[:-1],
        ):
            assert client.problem("GET", f"/api/{user_id}/tasks").code == "FORBIDDEN"
        assert client.send("GET", f"/api/{other_user.id}/tasks").json() == client.send("GET", "/api/me/tasks").json() == []
