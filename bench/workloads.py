"""What is asked: for each workload, the request that each server understands. What they answer must be the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench import graphile
from bench.people import PAGE, READERS, WRITERS, Person, everyone
from bench.servers import BY_HAND, IDIOMATIC, OURS, POSTGRAPHILE, USUAL


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, without who sends it."""

    method: str
    path: str
    body: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """One kind of request."""

    name: str
    title: str
    asks: Mapping[str, Callable[[Person], Ask]]
    people: list[Person] = field(default_factory=lambda: everyone(READERS))
    writes: bool = False

    def essence(self, server: str, answer: Any) -> Any:
        """Return what must be the same in all servers' answers. Writes change different rows: their members are compared."""
        if self.writes:
            return sorted(answer)
        return _plain(graphile.as_ours(answer) if server == POSTGRAPHILE else answer)


def graphql(query: str, **variables: str) -> Ask:
    """Ask by GraphQL. What differs between users goes into variables, as clients do it: servers cache documents."""
    return Ask("POST", "/graphql", orjson.dumps({"query": query, "variables": variables}))


_LEAVES = "id title completed priority createdAt tags { id name color }"


def nested(first: int) -> Mapping[str, Callable[[Person], Ask]]:
    """All lists with a page of tasks each, as our connections and as plain lists."""
    ours = graphql(f"{{ lists {{ nodes {{ id name tasks(first: {first}) {{ nodes {{ {_LEAVES} }} }} }} }} }}")
    plain = graphql(f"{{ lists {{ id name tasks(first: {first}) {{ {_LEAVES} }} }} }}")
    return {OURS: lambda _: ours, IDIOMATIC: lambda _: plain}


def one_list(first: int) -> Mapping[str, Callable[[Person], Ask]]:
    """One list with a page of tasks."""
    ours = f"query ($id: ID!) {{ list(id: $id) {{ id name tasks(first: {first}) {{ nodes {{ {_LEAVES} }} }} }} }}"
    plain = f"query ($id: ID!) {{ list(id: $id) {{ id name tasks(first: {first}) {{ {_LEAVES} }} }} }}"
    return {OURS: lambda p: graphql(ours, id=p.list_id()), IDIOMATIC: lambda p: graphql(plain, id=p.list_id())}


def _rest(method: str, path: str, body: bytes = b"") -> Mapping[str, Callable[[Person], Ask]]:
    def at(prefix: str) -> Callable[[Person], Ask]:
        return lambda person: Ask(method, prefix + path.format(task=person.task_id(7)), body)

    return {OURS: at("/api/me"), USUAL: at("")}


def _single(person: Person) -> Ask:
    return graphql(f"query ($id: ID!) {{ task(id: $id) {{ {_LEAVES} }} }}", id=person.task_id(7))


_NEW = orjson.dumps({"title": "Call the plumber about the kitchen tap", "description": "Before Thursday.", "priority": "high"})

WORKLOADS = (
    Workload("list", "REST: list of 50 tasks", _rest("GET", "/tasks?limit=50")),
    Workload("one", "REST: one task by id", _rest("GET", "/tasks/{task}")),
    Workload("create", "REST: create a task", _rest("POST", "/tasks", _NEW), everyone(WRITERS), writes=True),
    Workload("complete", "REST: complete a task", _rest("PATCH", "/tasks/{task}/complete"), everyone(WRITERS), writes=True),
    Workload(
        "nested",
        "GraphQL: 10 lists x 20 tasks x 3 tags",
        {**nested(PAGE), BY_HAND: lambda _: Ask("GET", "/nested"), POSTGRAPHILE: lambda _: graphql(graphile.NESTED)},
    ),
    Workload("single", "GraphQL: one task with tags", {OURS: _single, IDIOMATIC: _single}),
    Workload(
        "page",
        "GraphQL: first 20 tasks with tags",
        {
            OURS: lambda _: graphql(f"{{ tasks(first: {PAGE}) {{ nodes {{ {_LEAVES} }} }} }}"),
            IDIOMATIC: lambda _: graphql(f"{{ tasks(first: {PAGE}) {{ {_LEAVES} }} }}"),
        },
    ),
)


def _plain(tree: Any) -> Any:
    """Unwrap connections, and spell UTC in one way."""
    match tree:
        case {"nodes": nodes}:
            return _plain(nodes)
        case dict():
            return {key: _plain(value) for key, value in tree.items()}
        case list():
            return [_plain(item) for item in tree]
        case str():
            return tree.removesuffix("+00:00") + "Z" if tree.endswith("+00:00") else tree
        case _:
            return tree
