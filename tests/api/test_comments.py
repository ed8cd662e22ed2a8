"""Comments over both APIs."""

from uuid import uuid4

import pytest

from tests.support.api_clients import ApiClient, ApiError


def test_comments_are_created_listed_updated_and_deleted(client: ApiClient) -> None:
    task = client.create("task", title="x")
    first, second = client.comment(task["id"], "One"), client.comment(task["id"], "Two")

    assert (first["body"], first["task_id"]) == ("One", task["id"])
    assert client.comments(task["id"]) == [first, second]

    changed = client.update("comment", first["id"], body="Uno")
    assert (changed["body"], changed["revision"]) == ("Uno", second["revision"] + 1)

    client.delete("comment", second["id"])
    assert client.comments(task["id"]) == [changed]


@pytest.mark.parametrize("body", ["", "  ", "x" * 5001])
def test_invalid_comment_body_returns_422(client: ApiClient, body: str) -> None:
    task = client.create("task", title="x")

    with pytest.raises(ApiError) as error:
        client.comment(task["id"], body)

    assert (error.value.code, error.value.pointers) == ("INVALID_INPUT", ["/body"])


def test_add_comment_with_the_same_id_is_idempotent(client: ApiClient) -> None:
    task, comment_id = client.create("task", title="x"), str(uuid4())

    assert client.comment(task["id"], "Hm", id=comment_id) == client.comment(task["id"], "Hm", id=comment_id)
    assert len(client.comments(task["id"])) == 1
