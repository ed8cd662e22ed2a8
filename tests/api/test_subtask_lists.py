"""A subtask is in the list of its parent, over both APIs."""

from typing import Any

import pytest

from tests.support.api_clients import ApiClient, GraphQLClient, Row, expect_error


@pytest.fixture
def lists(client: ApiClient) -> tuple[str, str]:
    """Ids of two lists."""
    return client.create("list", name="Home")["id"], client.create("list", name="Work")["id"]


def create_family(client: ApiClient, list_id: str | None) -> tuple[Row, Row, Row]:
    """Create a task in the list, with a subtask that has a subtask."""
    parent = client.create("task", title="Parent", list_id=list_id)
    child = client.create("task", title="Child", parent_id=parent["id"])
    return parent, child, client.create("task", title="Grandchild", parent_id=child["id"])


def list_ids(client: ApiClient, *rows: Row) -> list[str | None]:
    return [client.get("task", row["id"])["list_id"] for row in rows]


def test_new_subtask_takes_the_list_of_its_parent(client: ApiClient, lists: tuple[str, str]) -> None:
    home, work = lists
    parent, child, grandchild = create_family(client, home)
    other = client.create("task", title="Other", parent_id=parent["id"], list_id=work)
    unlisted = client.create("task", title="Unlisted", list_id=work, parent_id=client.create("task", title="Parent")["id"])

    assert [row["list_id"] for row in (child, grandchild, other, unlisted)] == [home, home, home, None]


def test_create_subtask_with_another_list_is_idempotent(client: ApiClient, lists: tuple[str, str]) -> None:
    home, work = lists
    parent, *_ = create_family(client, home)
    body = {"id": "01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d00", "title": "x", "parent_id": parent["id"], "list_id": work}

    assert client.create("task", **body) == client.create("task", **body)


def test_moving_a_task_to_another_list_takes_its_subtasks_along(client: ApiClient, lists: tuple[str, str]) -> None:
    home, work = lists
    family = create_family(client, home)

    for list_id in (work, None, home):
        moved = client.update("task", family[0]["id"], list_id=list_id)
        rows = [client.get("task", row["id"]) for row in family]
        assert [row["list_id"] for row in rows] == [list_id] * 3
        assert {(row["revision"], row["updated_at"]) for row in rows} == {(moved["revision"], moved["updated_at"])}


def test_another_list_for_a_subtask_is_invalid_without_another_parent(client: ApiClient, lists: tuple[str, str]) -> None:
    home, work = lists
    parent, child, grandchild = create_family(client, home)

    for fields in ({"list_id": work}, {"list_id": None}, {"list_id": work, "parent_id": parent["id"]}):
        with expect_error("INVALID_INPUT") as error:
            client.update("task", child["id"], **fields)
        assert error.value.pointers == ["/list_id"]
    assert client.update("task", child["id"], list_id=home) == child
    assert list_ids(client, parent, child, grandchild) == [home] * 3


@pytest.mark.parametrize("sent_list", [None, 0, 1], ids=["no list", "old list", "new list"])
def test_task_with_a_new_parent_takes_its_list(client: ApiClient, lists: tuple[str, str], sent_list: int | None) -> None:
    home, work = lists
    _, child, grandchild = create_family(client, home)
    new_parent = client.create("task", title="New parent", list_id=work)
    sent: dict[str, Any] = {} if sent_list is None else {"list_id": lists[sent_list]}

    moved = client.update("task", child["id"], parent_id=new_parent["id"], **sent)

    assert (moved["parent_id"], moved["list_id"]) == (new_parent["id"], work)
    assert list_ids(client, grandchild) == [work]


def test_subtask_without_its_parent_keeps_its_list_or_takes_the_one_sent(client: ApiClient, lists: tuple[str, str]) -> None:
    home, work = lists
    parent, child, grandchild = create_family(client, home)

    assert client.update("task", grandchild["id"], parent_id=None)["list_id"] == home
    assert client.update("task", child["id"], parent_id=None, list_id=work)["list_id"] == work
    assert list_ids(client, parent, child, grandchild) == [home, work, home]


def test_subtask_restored_after_its_parent_has_moved_follows(client: ApiClient, lists: tuple[str, str]) -> None:
    home, work = lists
    parent, child, grandchild = create_family(client, home)
    client.delete("task", child["id"])
    tombstone_revision = client.me()["revision"]
    moved = client.update("task", parent["id"], list_id=work)
    assert moved["revision"] == tombstone_revision + 1

    assert client.restore(child["id"])["list_id"] == work
    assert list_ids(client, parent, child, grandchild) == [work] * 3


def test_restored_tasks_of_a_deleted_list_are_in_no_list(client: ApiClient, lists: tuple[str, str]) -> None:
    home, _ = lists
    family = create_family(client, home)
    client.delete("task", family[0]["id"])
    client.delete("list", home)

    client.restore(family[0]["id"])

    assert list_ids(client, *family) == [None] * 3


def test_subtask_restored_without_its_parent_keeps_its_list(client: ApiClient, lists: tuple[str, str]) -> None:
    home, _ = lists
    parent, child, grandchild = create_family(client, home)
    client.delete("task", parent["id"])

    restored = client.restore(child["id"])

    assert (restored["parent_id"], restored["list_id"]) == (None, home)
    assert list_ids(client, grandchild) == [home]


UPDATE_TASKS = "mutation($ids: [ID!]!, $i: UpdateTaskInput!) { updateTasks(ids: $ids, input: $i) { tasks { id } } }"


def test_bulk_update_moves_tasks_and_their_subtasks_in_any_order(graphql_client: GraphQLClient) -> None:
    home, work = (graphql_client.create("list", name=name)["id"] for name in ("Home", "Work"))
    parent, child, grandchild = create_family(graphql_client, home)

    for ids, list_id in (((child, parent), work), ((grandchild, parent), home), ((parent, child, grandchild), work)):
        graphql_client.run(UPDATE_TASKS, ids=[row["id"] for row in ids], i={"listId": list_id})
        assert list_ids(graphql_client, parent, child, grandchild) == [list_id] * 3
    with expect_error("INVALID_INPUT"):
        graphql_client.run(UPDATE_TASKS, ids=[grandchild["id"], child["id"]], i={"listId": home})
    assert list_ids(graphql_client, parent, child, grandchild) == [work] * 3


def test_bulk_update_gives_tasks_the_list_of_their_new_parent(graphql_client: GraphQLClient) -> None:
    home, work = (graphql_client.create("list", name=name)["id"] for name in ("Home", "Work"))
    parent, child, grandchild = create_family(graphql_client, home)
    new_parent = graphql_client.create("task", title="New parent", list_id=work)

    ids = [grandchild["id"], child["id"], parent["id"]]
    graphql_client.run(UPDATE_TASKS, ids=ids, i={"parentId": new_parent["id"]})

    assert list_ids(graphql_client, parent, child, grandchild) == [work] * 3


def test_bulk_create_puts_subtasks_into_the_list_of_their_parent(graphql_client: GraphQLClient) -> None:
    home = graphql_client.create("list", name="Home")["id"]
    parent_id = "01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d01"
    inputs = [{"id": parent_id, "title": "Parent", "listId": home}, {"title": "Child", "parentId": parent_id}]

    graphql_client.run("mutation($i: [CreateTaskInput!]!) { createTasks(inputs: $i) { tasks { id } } }", i=inputs)

    assert [row["list_id"] for row in graphql_client.page("task")] == [home, home]
