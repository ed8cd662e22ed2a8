"""Errors of bulk mutations: they name the item, and nothing is changed."""

from typing import Any

import pytest

from tests.support.api_clients import ApiError, GraphQLClient

UNKNOWN_ID = "01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e"
CREATE = "mutation($i: [CreateTaskInput!]!) { createTasks(inputs: $i) { tasks { id } } }"
UPDATE = "mutation($ids: [ID!]!, $i: UpdateTaskInput!) { updateTasks(ids: $ids, input: $i) { tasks { id } } }"


def run_and_get_error(client: GraphQLClient, document: str, **variables: Any) -> ApiError:
    """Run a mutation that fails, and check that it changed nothing."""
    before = client.page("task")
    with pytest.raises(ApiError) as error:
        client.run(document, **variables)
    assert client.page("task") == before
    return error.value


@pytest.mark.parametrize(
    ("item", "code", "pointers"),
    [
        ({"listId": UNKNOWN_ID}, "INVALID_INPUT", ["/1/list_id"]),
        ({"parentId": UNKNOWN_ID}, "INVALID_INPUT", ["/1/parent_id"]),
        ({"tagIds": [UNKNOWN_ID]}, "INVALID_INPUT", ["/1/tag_ids/0"]),
        ({"listId": UNKNOWN_ID, "parentId": UNKNOWN_ID}, "INVALID_INPUT", ["/1/list_id", "/1/parent_id"]),
        ({"id": UNKNOWN_ID, "parentId": UNKNOWN_ID}, "INVALID_INPUT", ["/1/parent_id"]),
        ({"id": "existing"}, "CONFLICT", ["/1/id"]),
        ({"id": "deleted"}, "CONFLICT", ["/1/id"]),
        ({"id": "nonsense"}, "INVALID_INPUT", ["/1/id"]),
    ],
)
def test_create_tasks_points_to_the_failed_item(
    graphql_client: GraphQLClient, item: dict[str, Any], code: str, pointers: list[str]
) -> None:
    tasks = {name: graphql_client.create("task", title=name)["id"] for name in ("existing", "deleted")}
    graphql_client.delete("task", tasks["deleted"])
    item = {"title": "second", **item}
    item |= {"id": tasks.get(item["id"], item["id"])} if "id" in item else {}

    error = run_and_get_error(graphql_client, CREATE, i=[{"title": "first"}, item, {"title": "third"}])

    assert (error.code, error.pointers) == (code, pointers)


def test_create_tasks_with_the_same_id_twice_points_to_the_second(graphql_client: GraphQLClient) -> None:
    error = run_and_get_error(graphql_client, CREATE, i=[{"title": "a", "id": UNKNOWN_ID}, {"title": "b", "id": UNKNOWN_ID}])

    assert (error.code, error.pointers) == ("CONFLICT", ["/1/id"])


def test_update_tasks_names_the_failed_task(graphql_client: GraphQLClient) -> None:
    first, parent, third = (graphql_client.create("task", title=title)["id"] for title in "abc")
    graphql_client.update("task", parent, parent_id=third)

    own_parent = run_and_get_error(graphql_client, UPDATE, ids=[first, parent], i={"parentId": parent})
    cycle = run_and_get_error(graphql_client, UPDATE, ids=[first, first, third], i={"title": "x", "parentId": parent})

    for error, task_id, index in ((own_parent, parent, 1), (cycle, third, 2)):
        assert (error.code, error.pointers) == ("INVALID_INPUT", [f"/{index}/parent_id"])
        assert task_id in error.detail


@pytest.mark.parametrize(
    "document",
    [
        "mutation($ids: [ID!]!) { updateTasks(ids: $ids, input: {}) { tasks { id } } }",
        "mutation($ids: [ID!]!) { completeTasks(ids: $ids) { tasks { id } } }",
        "mutation($ids: [ID!]!) { deleteTasks(ids: $ids) { ids } }",
    ],
)
@pytest.mark.parametrize(("invalid", "code"), [(UNKNOWN_ID, "NOT_FOUND"), ("nonsense", "INVALID_INPUT")])
def test_bulk_mutations_point_to_the_invalid_id(graphql_client: GraphQLClient, document: str, invalid: str, code: str) -> None:
    task = graphql_client.create("task", title="a")

    error = run_and_get_error(graphql_client, document, ids=[task["id"], invalid])

    assert (error.code, error.pointers) == (code, ["/1/id"])
    assert code != "NOT_FOUND" or UNKNOWN_ID in error.detail
