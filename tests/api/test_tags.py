"""Tags over both APIs."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.support.api_clients import ApiClient, ApiError, GraphQLClient, RestClient, expect_error


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


def test_name_conflict_names_the_existing_tag(rest_client: RestClient, graphql_client: GraphQLClient) -> None:
    existing, other = (rest_client.create("tag", name=name) for name in ("Home", "Work"))

    for method, path in (("POST", "/api/me/tags"), ("PATCH", f"/api/me/tags/{other['id']}")):
        problem = rest_client.http.request(method, path, json={"name": "hOME"}).json()
        assert (problem["error_code"], problem["existing_id"]) == ("CONFLICT", existing["id"])
        assert existing["id"] in problem["detail"]
        assert [error["pointer"] for error in problem["errors"]] == ["/name"]
    body = {"query": 'mutation { createTag(input: {name: "home"}) { tag { id } } }'}
    extensions = graphql_client.http.post("/graphql", json=body).json()["errors"][0]["extensions"]
    assert extensions["code"] == "CONFLICT"
    assert extensions["existingId"] in {tag["id"] for tag in graphql_client.page("tag")}


def test_adding_and_removing_a_tag_is_idempotent_and_changes_the_task_only(client: ApiClient) -> None:
    tag, other = (client.create("tag", name=name) for name in "ab")
    task = client.create("task", title="x", tag_ids=[other["id"]])
    untouched = client.create("task", title="y", tag_ids=[tag["id"]])

    added = client.add_tag(task["id"], tag["id"])
    assert added["tag_ids"] == sorted([tag["id"], other["id"]])
    assert added["revision"] > untouched["revision"]
    assert client.add_tag(task["id"], tag["id"]) == added

    removed = client.remove_tag(task["id"], tag["id"])
    assert removed["tag_ids"] == [other["id"]]
    assert removed["revision"] > added["revision"]
    assert client.remove_tag(task["id"], tag["id"]) == removed

    assert client.get("task", untouched["id"]) == untouched
    assert {row["id"]: row for row in client.page("tag")} == {tag["id"]: tag, other["id"]: other}


def test_task_has_at_most_100_tags_after_adding_one(client: ApiClient) -> None:
    tags = [client.create("tag", name=f"{number}")["id"] for number in range(101)]
    task = client.create("task", title="x", tag_ids=tags[:99])

    full = client.add_tag(task["id"], tags[99])
    with expect_error("INVALID_INPUT") as caught:
        client.add_tag(task["id"], tags[100])
    assert caught.value.pointers == ["/tag_ids"]
    assert client.add_tag(task["id"], tags[0]) == full
    assert len(client.get("task", task["id"])["tag_ids"]) == 100


def _changes(client: ApiClient) -> list[Callable[..., object]]:
    return [client.add_tag, client.remove_tag]


def test_changing_tags_of_missing_rows_returns_404(client: ApiClient) -> None:
    tag, task = client.create("tag", name="a"), client.create("task", title="x")
    deleted = client.create("tag", name="deleted")
    client.delete("tag", deleted["id"])

    for change in _changes(client):
        for task_id, tag_id in ((str(uuid4()), tag["id"]), (task["id"], str(uuid4())), (task["id"], deleted["id"])):
            with expect_error("NOT_FOUND"):
                change(task_id, tag_id)
        with expect_error("PRECONDITION_FAILED"):
            change(task["id"], tag["id"], revision=task["revision"] + 100)
    assert client.get("task", task["id"]) == task


def test_merging_a_tag_moves_its_tasks_and_deletes_it(client: ApiClient) -> None:
    source, target = client.create("tag", name="source"), client.create("tag", name="target")
    with_source = client.create("task", title="s", tag_ids=[source["id"]])
    with_both = client.create("task", title="b", tag_ids=[source["id"], target["id"]])
    with_target = client.create("task", title="t", tag_ids=[target["id"]])
    deleted = client.create("task", title="d", tag_ids=[source["id"]])
    client.delete("task", deleted["id"])

    assert client.merge_tag(source["id"], target["id"]) == target

    assert client.page("tag") == [target]
    moved, merged = client.get("task", with_source["id"]), client.get("task", with_both["id"])
    assert moved["tag_ids"] == merged["tag_ids"] == [target["id"]]
    assert moved["revision"] == merged["revision"] > with_target["revision"]
    assert client.get("task", with_target["id"]) == with_target
    assert client.restore(deleted["id"])["tag_ids"] == [target["id"]]
    with expect_error("NOT_FOUND"):
        client.merge_tag(source["id"], target["id"])
    with expect_error("CONFLICT"):
        client.create("tag", id=source["id"], name="again")
    assert client.create("tag", name="source")["id"] != source["id"]


def test_invalid_merge_changes_nothing(client: ApiClient) -> None:
    tag = client.create("tag", name="a")
    task = client.create("task", title="x", tag_ids=[tag["id"]])

    for into in (tag["id"], str(uuid4())):
        with expect_error("INVALID_INPUT") as caught:
            client.merge_tag(tag["id"], into)
        assert caught.value.pointers == ["/into"]
    with expect_error("PRECONDITION_FAILED"):
        client.merge_tag(tag["id"], client.create("tag", name="b")["id"], revision=tag["revision"] + 100)
    assert client.get("tag", tag["id"]) == tag
    assert client.get("task", task["id"]) == task
