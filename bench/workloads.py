"""Workloads: for each server the request in its own form. All servers must return the same data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench.baselines import postgraphile
from bench.servers import FASTAPI_SQLMODEL, HANDWRITTEN_SQL, POSTGRAPHILE, SERVICE, STRAWBERRY
from bench.users import PAGE_SIZE, READERS, WRITERS, BenchmarkUser, users


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """A request without its user."""

    method: str
    path: str
    body: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """A kind of request, its form for each server, and the users who send it."""

    name: str
    title: str
    requests: Mapping[str, Callable[[BenchmarkUser], RequestSpec]]
    users: list[BenchmarkUser] = field(default_factory=lambda: users(READERS))
    writes: bool = False

    def comparable(self, server: str, response: Any) -> Any:
        """Return the part of a response that must be the same on all servers: of writes, which return other rows, the keys."""
        if self.writes:
            return sorted(response)
        return _plain(postgraphile.normalize(response) if server == POSTGRAPHILE else response)


def graphql(query: str, **variables: str) -> RequestSpec:
    """Return a GraphQL request. Values that differ between users are variables, as in clients: servers cache documents."""
    return RequestSpec("POST", "/graphql", orjson.dumps({"query": query, "variables": variables}))


_LEAVES = "id title completed priority createdAt tags { id name color }"


def nested(first: int) -> Mapping[str, Callable[[BenchmarkUser], RequestSpec]]:
    """Return requests for all lists with a page of tasks each: as connections of this service, and as plain lists."""
    connections = graphql(f"{{ lists {{ nodes {{ id name tasks(first: {first}) {{ nodes {{ {_LEAVES} }} }} }} }} }}")
    plain = graphql(f"{{ lists {{ id name tasks(first: {first}) {{ {_LEAVES} }} }} }}")
    return {SERVICE: lambda _: connections, STRAWBERRY: lambda _: plain}


def one_list(first: int) -> Mapping[str, Callable[[BenchmarkUser], RequestSpec]]:
    """Return requests for one list with a page of tasks."""
    connection = f"query ($id: ID!) {{ list(id: $id) {{ id name tasks(first: {first}) {{ nodes {{ {_LEAVES} }} }} }} }}"
    plain = f"query ($id: ID!) {{ list(id: $id) {{ id name tasks(first: {first}) {{ {_LEAVES} }} }} }}"
    return {
        SERVICE: lambda user: graphql(connection, id=user.list_id()),
        STRAWBERRY: lambda user: graphql(plain, id=user.list_id()),
    }


def _rest(method: str, path: str, body: bytes = b"") -> Mapping[str, Callable[[BenchmarkUser], RequestSpec]]:
    def request_below(prefix: str) -> Callable[[BenchmarkUser], RequestSpec]:
        return lambda user: RequestSpec(method, prefix + path.format(task=user.task_id(7)), body)

    return {SERVICE: request_below("/api/me"), FASTAPI_SQLMODEL: request_below("")}


def _single(user: BenchmarkUser) -> RequestSpec:
    return graphql(f"query ($id: ID!) {{ task(id: $id) {{ {_LEAVES} }} }}", id=user.task_id(7))


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


def _plain(data: Any) -> Any:
    """Return the data with connections as lists, and with UTC written as Z."""
    match data:
        case {"nodes": nodes}:
            return _plain(nodes)
        case dict():
            return {key: _plain(value) for key, value in data.items()}
        case list():
            return [_plain(item) for item in data]
        case str():
            return data.removesuffix("+00:00") + "Z" if data.endswith("+00:00") else data
        case _:
            return data
