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


class Walker:
    """A client that pages through one of many lists, and other writes in between."""

    def __init__(self, client: InProcessClient, order: Any, seed: int) -> None:
        self.client = client
        self.order = order
        self.rng = random.Random(seed)  # noqa: S311 - reproducible
        self.list_id = self.run('mutation { createList(input: {name: "long"}) { list { id } } }')["createList"]["list"]["id"]

    def run(self, document: str, **variables: Any) -> Any:
        body = self.client.run(document, variables).body
        assert "errors" not in body, body
        return body["data"]

    def page(self, **page: Any) -> Any:
        lists = self.run(PAGE, order=self.order, **page)["lists"]["nodes"]
        (mine,) = (one["tasks"] for one in lists if one["id"] == self.list_id)
        return mine

    def whole(self) -> list[str]:
        return [node["id"] for node in self.page(first=500)["nodes"]]

    def write(self, several: int) -> None:
        inputs = [
            {
                "title": self.rng.choice(["a", "A", "b", "c"]),
                "priority": self.rng.choice(["LOW", "HIGH"]),
                "status": self.rng.choice(["PENDING", "COMPLETED"]),
                "position": self.rng.choice([1.0, 2.5]),
                "listId": self.list_id,
            }
            for _ in range(several)
        ]
        self.run(CREATE, inputs=inputs)

    def disturb(self, met: list[str]) -> None:
        """Insert and delete a few rows, sometimes the one that the next cursor points to."""
        self.write(self.rng.randrange(3))
        there = self.whole()
        doomed = self.rng.sample(there, min(len(there), self.rng.randrange(3)))
        if met and self.rng.random() < 0.3 and met[-1] in there:
            doomed = [*{*doomed, met[-1]}]
        self.run(DELETE, ids=doomed)

    def forward(self) -> list[str]:
        met: list[str] = []
        after = None
        while True:
            page = self.page(first=3, after=after)
            met += [node["id"] for node in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                return met
            after = page["pageInfo"]["endCursor"]
            self.disturb(met)

    def backward(self) -> list[str]:
        met: list[str] = []
        before = None
        while True:
            page = self.page(last=3, before=before)
            met += [node["id"] for node in reversed(page["nodes"])]
            if not page["pageInfo"]["hasPreviousPage"]:
                return met
            before = page["pageInfo"]["startCursor"]
            self.disturb(met)


@pytest.fixture(scope="module")
def client(postgres: PostgresServer) -> Iterator[InProcessClient]:
    """A client of a user with several lists."""
    database = postgres.copy("template_todo")
    insert_datasets(database.owner, varied_dataset("ada"))
    with in_process_client(database, "ada") as one:
        yield one


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("way", ["forward", "backward"])
def test_paginating_during_writes_returns_each_stable_row_once(client: InProcessClient, way: str, order: Any, seed: int) -> None:
    walker = Walker(client, order, seed)
    walker.write(25)
    before = walker.whole()

    met = walker.forward() if way == "forward" else walker.backward()

    there_all_the_time = [task for task in walker.whole() if task in before]
    met_of_those = [task for task in met if task in there_all_the_time]
    assert len(met) == len(set(met))
    assert met_of_those == (there_all_the_time if way == "forward" else there_all_the_time[::-1])
    assert len(there_all_the_time) < len(before)
