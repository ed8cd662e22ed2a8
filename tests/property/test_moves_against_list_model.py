"""Random moves over both APIs, compared with Python lists."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import nextafter
from typing import Any

import pytest

from tests.support.api_clients import ApiClient, ApiError, GraphQLClient, RestClient
from tests.support.service import RunningService
from tests.support.users import TestUser

THREADS, MOVES_PER_THREAD, TASKS_PER_THREAD = 4, 25, 4
STEPS = 50

Clients = tuple[ApiClient, ApiClient]
Place = dict[str, str]


@pytest.fixture
def clients(rest_client: RestClient, graphql_client: GraphQLClient) -> Clients:
    """A client of each API, of the same user."""
    return rest_client, graphql_client


def insert_at(order: list[str], ids: list[str], place: Place) -> None:
    """Move the ids in the list to the place."""
    for row_id in ids:
        if row_id in order:
            order.remove(row_id)
    match place:
        case {"before": target}:
            index = order.index(target)
        case {"after": target}:
            index = order.index(target) + 1
        case {"to": "first"}:
            index = 0
        case _:
            index = len(order)
    order[index:index] = ids


def random_place(rng: random.Random, order: list[str], moved: list[str]) -> Place:
    """Return a place, most often one of the first, so that gaps close."""
    targets = [row_id for row_id in order if row_id not in moved]
    if not targets or rng.random() < 0.2:
        return {"to": rng.choice(["first", "last"])}
    return {rng.choice(["before", "after"]): rng.choice(targets[:2] if rng.random() < 0.6 else targets)}


def squeeze(client: ApiClient, kind: str, ids: list[str]) -> None:
    """Give the rows positions between which there is no other number."""
    position = 1.0
    for row_id in ids:
        client.update(kind, row_id, position=position)
        position = nextafter(position, 2)


def stored_order(client: ApiClient, kind: str, **query: Any) -> list[str]:
    """Return the ids in their order, and check that their positions differ."""
    rows = client.page(kind, sort="position", limit=500, **query)
    positions = [row["position"] for row in rows]
    assert positions == sorted(set(positions))
    return [row["id"] for row in rows]


@dataclass
class Groups:
    """The tasks of two lists and the subtasks of two tasks, by list and parent."""

    clients: Clients
    rng: random.Random
    parents: list[str] = field(default_factory=list)
    orders: dict[tuple[str | None, str | None], list[str]] = field(default_factory=dict)

    def create(self) -> None:
        client, _ = self.clients
        for _ in range(2):
            list_id = client.create("list", name="x")["id"]
            parent = client.create("task", title="parent", list_id=list_id)["id"]
            self.orders[list_id, None] = [parent]
            self.orders[list_id, parent] = []
        for (list_id, parent_id), order in self.orders.items():
            fields = {"list_id": list_id, "parent_id": parent_id}
            order += [client.create("task", title="x", **fields)["id"] for _ in range(4)]
            squeeze(client, "task", order)
        self.parents = [parent_id for _, parent_id in self.orders if parent_id is not None]

    def move(self) -> None:
        """Move some tasks of one group, often to another one."""
        source, target = self.rng.choice(list(self.orders)), self.rng.choice(list(self.orders))
        movable = [task_id for task_id in self.orders[source] if task_id not in self.parents]
        ids = self.rng.sample(movable, min(len(movable), self.rng.choice([1, 1, 1, 2, 3])))
        if not ids:
            return
        place = random_place(self.rng, self.orders[target], ids)
        elsewhere: Any = {} if source == target else {"list_id": target[0], "parent_id": target[1]}
        client = self.rng.choice(self.clients)
        if len(ids) == 1:
            client.move("task", ids[0], None, **place, **elsewhere)
        else:
            client.move_tasks(ids, **place, **elsewhere)
        self.orders[source] = [task_id for task_id in self.orders[source] if task_id not in ids]
        insert_at(self.orders[target], ids, place)

    def check(self) -> None:
        client = self.rng.choice(self.clients)
        for (list_id, parent_id), order in self.orders.items():
            assert stored_order(client, "task", list_id=list_id, parent_id=parent_id or "null") == order


@pytest.mark.parametrize("seed", range(2))
def test_random_moves_between_groups_keep_the_order_of_python_lists(clients: Clients, seed: int) -> None:
    groups = Groups(clients, random.Random(seed))  # noqa: S311 - reproducible
    groups.create()
    groups.check()

    for _ in range(STEPS):
        groups.move()
        groups.check()


@dataclass(frozen=True)
class Move:
    """A move that took a revision."""

    revision: int
    row_id: str
    place: Place


class Mover:
    """A thread's clients, which move the rows of this thread to places beside those of all threads."""

    def __init__(self, url: str, token: str, seed: int) -> None:
        self.clients: Clients = RestClient(url, token), GraphQLClient(url, token)
        self.rng = random.Random(seed)  # noqa: S311 - reproducible

    def run(self, kind: str, own_ids: list[str], all_ids: list[str]) -> list[Move]:
        moves: list[Move] = []
        for _ in range(MOVES_PER_THREAD):
            row_id = self.rng.choice(own_ids)
            place = random_place(self.rng, all_ids, [row_id])
            moves += self._move(kind, row_id, place)
        return moves

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def _move(self, kind: str, row_id: str, place: Place) -> Iterator[Move]:
        """Move the row at its current revision, so that an unchanged revision means that the move had no effect."""
        client = self.rng.choice(self.clients)
        revision: int = client.get(kind, row_id)["revision"]
        while True:
            try:
                moved = client.move(kind, row_id, revision, **place)
                break
            except ApiError as error:
                if error.code != "PRECONDITION_FAILED":
                    raise
                revision = error.current["revision"]  # another move has renumbered the row
        if moved["revision"] != revision:
            yield Move(moved["revision"], row_id, place)


@pytest.mark.parametrize("kind", ["task", "list"])
def test_concurrent_moves_have_the_effect_of_their_order_of_revisions(
    service: RunningService, user: TestUser, rest_client: RestClient, kind: str
) -> None:
    name = {"task": "title", "list": "name"}[kind]
    ids = [rest_client.create(kind, **{name: "x"})["id"] for _ in range(THREADS * TASKS_PER_THREAD)]
    squeeze(rest_client, kind, ids)
    expected = stored_order(rest_client, kind)
    movers = [Mover(service.url, user.token, seed) for seed in range(THREADS)]

    with ThreadPoolExecutor(THREADS) as pool:
        done = pool.map(lambda number: movers[number].run(kind, ids[number::THREADS], ids), range(THREADS))
        moves = sorted((move for of_thread in done for move in of_thread), key=lambda move: move.revision)

    assert len({move.revision for move in moves}) == len(moves) > THREADS * MOVES_PER_THREAD // 2
    for move in moves:
        insert_at(expected, [move.row_id], move.place)
    assert stored_order(rest_client, kind) == expected
    for mover in movers:
        mover.close()
