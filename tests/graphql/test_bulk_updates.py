"""Bulk updates: they work in sets, whatever the number of tasks."""

from typing import Any

import pytest

from tests.support.api_clients import GraphQLClient, Row, expect_error
from tests.support.service import LogCapture

UPDATE = "mutation Bulk($ids: [ID!]!, $i: UpdateTaskInput!) { updateTasks(ids: $ids, input: $i) { tasks { id } } }"
CREATE = "mutation($i: [CreateTaskInput!]!) { createTasks(inputs: $i) { tasks { id } } }"


def create_tasks(client: GraphQLClient, number: int, **fields: Any) -> list[str]:
    inputs = [{"title": f"task {index}", "description": f"text {index}", **fields} for index in range(number)]
    return [task["id"] for task in client.run(CREATE, i=inputs)["createTasks"]["tasks"]]


def rows(client: GraphQLClient) -> dict[str, Row]:
    return {row["id"]: row for row in client.page("task", limit=100)}


@pytest.mark.parametrize("name", ["title", "description", "status", "listId", "parentId", "tagIds"])
def test_bulk_update_takes_a_constant_number_of_statements(graphql_client: GraphQLClient, log: LogCapture, name: str) -> None:
    client = graphql_client
    (parent,) = create_tasks(client, 1)
    values = {
        "title": "new",
        "description": "new",
        "status": "COMPLETED",
        "listId": client.create("list", name="a")["id"],
        "parentId": parent,
        "tagIds": [client.create("tag", name=tag)["id"] for tag in "ab"],
    }
    few, many = create_tasks(client, 2), create_tasks(client, 60)
    deep = create_tasks(client, 1)
    while len(deep) < 20:
        deep += create_tasks(client, 1, parentId=deep[-1])
    for ids in (few, many, deep if name != "parentId" else many):
        variables = {"ids": ids, "i": {name: values[name]}}
        assert "errors" not in client.post({"query": UPDATE, "variables": variables, "operationName": "Bulk"})

    lines = log.lines(requests=len(deep) + 6)
    counts = [line["sql_statements"] for line in lines if line.get("graphql_operation") == "Bulk"]
    assert counts[0] == counts[1]
    assert max(counts) <= counts[0] + 2 < 16
    field = {"listId": "list_id", "parentId": "parent_id", "tagIds": "tag_ids"}.get(name, name)
    written, expected = rows(client), "completed" if name == "status" else values[name]
    for task_id in (*few, *many):
        assert written[task_id][field] == expected


def test_bulk_update_writes_only_the_tasks_that_differ(graphql_client: GraphQLClient) -> None:
    client = graphql_client
    tags = [client.create("tag", name=name)["id"] for name in "ab"]
    same, other_title, other_tags, completed = create_tasks(client, 4, title="new", tagIds=tags)
    client.update("task", other_title, title="old")
    client.update("task", other_tags, tag_ids=tags[:1])
    client.complete(completed, completed=True)
    before = rows(client)

    client.run(UPDATE, ids=list(before), i={"title": "new", "tagIds": tags[::-1]})

    after = rows(client)
    assert {task_id for task_id in after if after[task_id] != before[task_id]} == {other_title, other_tags}
    assert after[other_title]["revision"] == after[other_tags]["revision"] == max(row["revision"] for row in before.values()) + 1
    assert [after[other_title]["title"], after[other_tags]["tag_ids"]] == ["new", sorted(tags)]

    client.run(UPDATE, ids=list(before), i={"status": "COMPLETED", "tagIds": []})

    final = rows(client)
    client.run(UPDATE, ids=list(before), i={"status": "COMPLETED", "tagIds": []})
    assert client.create("task", title="next")["revision"] == final[same]["revision"] + 1
    assert final[completed]["completed_at"] == before[completed]["completed_at"]
    assert final[same]["completed_at"] > final[completed]["completed_at"]
    assert [row["tag_ids"] for row in final.values()] == [[]] * 4


def test_bulk_update_keeps_searching_and_sorting_by_the_new_texts(graphql_client: GraphQLClient) -> None:
    client = graphql_client
    first, second = create_tasks(client, 2, title="old title")
    client.update("task", second, title="zebra", description="stripes")

    client.run(UPDATE, ids=[first, second], i={"title": "quokka"})

    assert [row["id"] for row in client.page("task", search="quokka stripes")] == [second]
    assert {row["id"] for row in client.page("task", search="quokka")} == {first, second}
    assert client.page("task", search="zebra") == []
    client.create("task", title="rabbit")
    assert [row["title"] for row in client.page("task", sort="title")] == ["quokka", "quokka", "rabbit"]


def test_bulk_update_moves_subtasks_only_with_an_ancestor(graphql_client: GraphQLClient) -> None:
    client = graphql_client
    old, new = (client.create("list", name=name)["id"] for name in "ab")
    (top,) = create_tasks(client, 1, listId=old)
    (middle,) = create_tasks(client, 1, parentId=top)
    (bottom,) = create_tasks(client, 1, parentId=middle)

    for ids in ([bottom], [bottom, middle]):
        with expect_error("INVALID_INPUT") as error:
            client.run(UPDATE, ids=ids, i={"listId": new})
        assert error.value.pointers == [f"/{ids.index(ids[-1])}/list_id"]
    assert {row["list_id"] for row in rows(client).values()} == {old}

    client.run(UPDATE, ids=[bottom, top], i={"listId": new})

    moved = rows(client)
    assert {row["list_id"] for row in moved.values()} == {new}
    assert len({row["revision"] for row in moved.values()}) == 1
    client.run(UPDATE, ids=[bottom, middle], i={"listId": new, "parentId": None})
    assert [rows(client)[task_id]["parent_id"] for task_id in (middle, bottom)] == [None, None]
