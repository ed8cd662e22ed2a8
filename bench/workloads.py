"""What is asked: for each workload, the request that each server understands. What they answer must be the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench.baselines import postgraphile
from bench.servers import FASTAPI_SQLMODEL, HANDWRITTEN_SQL, POSTGRAPHILE, SERVICE, STRAWBERRY
from bench.users import PAGE_SIZE, READERS, WRITERS, BenchmarkUser, users


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """One request, without who sends it."""

    method: str
    path: str
    body: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """One kind of request."""

    name: str
    title: str
    requests: Mapping[str, Callable[[BenchmarkUser], RequestSpec]]
    users: list[BenchmarkUser] = field(default_factory=lambda: users(READERS))
    writes: bool = False

    def comparable(self, server: str, answer: Any) -> Any:
        """Return what must be the same in all servers' answers. Writes change different rows: their members are compared."""
        if self.writes:
            return sorted(answer)
        return _plain(postgraphile.normalize(answer) if server == POSTGRAPHILE else answer)


def graphql(query: str, **variables: str) -> RequestSpec:
    """Ask by GraphQL. What differs between users goes into variables, as clients do it: servers cache documents."""
    return RequestSpec("POST", "/graphql", orjson.dumps({"query": query, "variables": variables}))


_LEAVES = "id title completed priority createdAt tags { id name color }"


def nested(first: int) -> Mapping[str, Callable[[BenchmarkUser], RequestSpec]]:
    """All lists with a page of tasks each, as our connections and as plain lists."""
    ours = graphql(f"{{ lists {{ nodes {{ id name tasks(first: {first}) {{ nodes {{ {_LEAVES} }} }} }} }} }}")
    plain = graphql(f"{{ lists {{ id name tasks(first: {first}) {{ {_LEAVES} }} }} }}")
    return {SERVICE: lambda _: ours, STRAWBERRY: lambda _: plain}


def one_list(first: int) -> Mapping[str, Callable[[BenchmarkUser], RequestSpec]]:
    """One list with a page of tasks."""
    ours = f"query ($id: ID!) {{ list(id: $id) {{ id name tasks(first: {first}) {{ nodes {{ {_LEAVES} }} }} }} }}"
    plain = f"query ($id: ID!) {{ list(id: $id) {{ id name tasks(first: {first}) {{ {_LEAVES} }} }} }}"
    return {SERVICE: lambda p: graphql(ours, id=p.list_id()), STRAWBERRY: lambda p: graphql(plain, id=p.list_id())}


def _rest(method: str, path: str, body: bytes = b"") -> Mapping[str, Callable[[BenchmarkUser], RequestSpec]]:
    def at(prefix: str) -> Callable[[BenchmarkUser], RequestSpec]:
        return lambda person: RequestSpec(method, prefix + path.format(task=person.task_id(7)), body)

    return {SERVICE: at("/api/me"), FASTAPI_SQLMODEL: at("")}


def _single(person: BenchmarkUser) -> RequestSpec:
    return graphql(f"query ($id: ID!) {{ task(id: $id) {{ {_LEAVES} }} }}", id=person.task_id(7))


_NEW_TASK = orjson.dumps(
    {"title": "Call the plumber about the kitchen tap", "description": "Before Thursday.", "priority": "high"}
)

WORKLOADS = (
    Workload("list", "REST: list of 50 tasks", _rest("GET", "/tasks?limit=50")),
    Workload("one", "REST: one task by id", _rest("GET", "/tasks/{task}")),
    Workload("create", "REST: create a task", _rest("POST", "/tasks", _NEW_TASK), users(WRITERS), writes=True),
    Workload("complete", "REST: complete a task", _rest("PATCH", "/tasks/{task}/complete"), users(WRITERS), writes=True),
    Workload(
        "nested",
        "GraphQL: 10 lists x 20 tasks x 3 tags",
        {
            **nested(PAGE_SIZE),
            HANDWRITTEN_SQL: lambda _: RequestSpec("GET", "/nested"),
            POSTGRAPHILE: lambda _: graphql(postgraphile.NESTED),
        },
    ),
    Workload("single", "GraphQL: one task with tags", {SERVICE: _single, STRAWBERRY: _single}),
    Workload(
        "page",
        "GraphQL: first 20 tasks with tags",
        {
            SERVICE: lambda _: graphql(f"{{ tasks(first: {PAGE_SIZE}) {{ nodes {{ {_LEAVES} }} }} }}"),
            STRAWBERRY: lambda _: graphql(f"{{ tasks(first: {PAGE_SIZE}) {{ {_LEAVES} }} }}"),
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
