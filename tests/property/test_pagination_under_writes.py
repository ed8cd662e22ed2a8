"""Nested pagination during concurrent inserts and deletes."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.datasets import insert_datasets, varied_dataset
from tests.support.in_process_client import InProcessClient, in_process_client
from tests.support.service import PostgresServer

PAGE = """query($first: Int, $after: String, $last: Int, $before: String, $order: [TaskOrder!]) { lists { nodes { id
    tasks(first: $first, after: $after, last: $last, before: $before, orderBy: $order) {
        nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }"""
CREATE = "mutation($inputs: [CreateTaskInput!]!) { createTasks(inputs: $inputs) { tasks { id } } }"
DELETE = "mutation($ids: [ID!]!) { deleteTasks(ids: $ids) { ids } }"

ORDERS: list[Any] = [
    None,
    [{"field": "TITLE"}],
    [{"field": "TITLE", "direction": "DESC"}, {"field": "PRIORITY", "direction": "ASC"}],
    [{"field": "PRIORITY", "direction": "DESC"}],
    [{"field": "COMPLETED", "direction": "DESC"}],
    [{"field": "POSITION"}, {"field": "CREATED", "direction": "DESC"}],
]


class PaginatingClient:
    """A client that paginates through one of several lists, and inserts and deletes rows between the pages."""

    def __init__(self, client: InProcessClient, order: Any, seed: int) -> None:
        self.client = client
        self.order = order
        self.rng = random.Random(seed)  # noqa: S311 - reproducible
        self.list_id = self.run('mutation { createList(input: {name: "long"}) { list { id } } }')["createList"]["list"]["id"]

    def run(self, document: str, **variables: Any) -> Any:
        body = self.client.run(document, variables).body
        assert "errors" not in body, body
        return body["data"]

    def page(self, **arguments: Any) -> Any:
        lists = self.run(PAGE, order=self.order, **arguments)["lists"]["nodes"]
        (page_of_list,) = (task_list["tasks"] for task_list in lists if task_list["id"] == self.list_id)
        return page_of_list

    def all_ids(self) -> list[str]:
        return [node["id"] for node in self.page(first=500)["nodes"]]

    def write(self, count: int) -> None:
        inputs = [
            {
                "title": self.rng.choice(["a", "A", "b", "c"]),
                "priority": self.rng.choice(["LOW", "HIGH"]),
                "status": self.rng.choice(["PENDING", "COMPLETED"]),
                "position": self.rng.choice([1.0, 2.5]),
                "listId": self.list_id,
            }
            for _ in range(count)
        ]
        self.run(CREATE, inputs=inputs)

    def write_and_delete(self, seen_ids: list[str]) -> None:
        """Insert and delete a few rows, sometimes the one that the next cursor points to."""
        self.write(self.rng.randrange(3))
        present = self.all_ids()
        to_delete = self.rng.sample(present, min(len(present), self.rng.randrange(3)))
        if seen_ids and self.rng.random() < 0.3 and seen_ids[-1] in present:
            to_delete = [*{*to_delete, seen_ids[-1]}]
        self.run(DELETE, ids=to_delete)

    def forward(self) -> list[str]:
        seen_ids: list[str] = []
        after = None
        while True:
            page = self.page(first=3, after=after)
            seen_ids += [node["id"] for node in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                return seen_ids
            after = page["pageInfo"]["endCursor"]
            self.write_and_delete(seen_ids)

    def backward(self) -> list[str]:
        seen_ids: list[str] = []
        before = None
        while True:
            page = self.page(last=3, before=before)
            seen_ids += [node["id"] for node in reversed(page["nodes"])]
            if not page["pageInfo"]["hasPreviousPage"]:
                return seen_ids
            before = page["pageInfo"]["startCursor"]
            self.write_and_delete(seen_ids)


@pytest.fixture(scope="module")
def client(postgres: PostgresServer) -> Iterator[InProcessClient]:
    """A client of a user with several lists."""
    database = postgres.copy("template_todo")
    insert_datasets(database.owner, varied_dataset("ada"))
    with in_process_client(database, "ada") as client:
        yield client


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_paginating_during_writes_returns_each_stable_row_once(
    client: InProcessClient, direction: str, order: Any, seed: int
) -> None:
    paginator = PaginatingClient(client, order, seed)
    paginator.write(25)
    before = paginator.all_ids()

    seen_ids = paginator.forward() if direction == "forward" else paginator.backward()

    stable_ids = [task for task in paginator.all_ids() if task in before]
    stable_seen_ids = [task for task in seen_ids if task in stable_ids]
    assert len(seen_ids) == len(set(seen_ids))
    assert stable_seen_ids == (stable_ids if direction == "forward" else stable_ids[::-1])
    assert len(stable_ids) < len(before)
