"""Tags over both APIs."""

import pytest

from tests.support.api_clients import ApiClient, ApiError


def test_tags_are_ordered_by_name(client: ApiClient) -> None:
    for name in ("b", "C", "a"):
        client.create("tag", name=name)

    assert [row["name"] for row in client.page("tag")] == ["a", "b", "C"]


def test_tag_name_is_unique_among_active_tags_ignoring_case(client: ApiClient) -> None:
    tag, other = client.create("tag", name="Home"), client.create("tag", name="Work")

    with pytest.raises(ApiError) as not_created:
        client.create("tag", name="hOME")
    with pytest.raises(ApiError) as not_renamed:
        client.update("tag", other["id"], name="HOME")
    for error in (not_created.value, not_renamed.value):
        assert (error.code, error.status) == ("CONFLICT", 409)
    assert client.get("tag", other["id"]) == other

    assert client.update("tag", tag["id"], name="HOME")["name"] == "HOME"
    client.delete("tag", tag["id"])
    assert client.create("tag", name="home")["name"] == "home"


def test_deleting_a_tag_removes_it_from_tasks_and_bumps_their_revisions(client: ApiClient) -> None:
    tag, other = client.create("tag", name="a"), client.create("tag", name="b")
    tagged_task = client.create("task", title="x", tag_ids=[tag["id"], other["id"]])
    other_task = client.create("task", title="y", tag_ids=[other["id"]])

    client.delete("tag", tag["id"])

    assert client.get("task", tagged_task["id"])["tag_ids"] == [other["id"]]
    assert client.get("task", tagged_task["id"])["revision"] > tagged_task["revision"]
    assert client.get("task", other_task["id"]) == other_task
