"""Bind parameters: a cached operation returns the same response for any id or cursor as an uncached one."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest
from graphql import parse

from graphql_schema.documents.bind_parameters import bindable_variables
from tests.support.datasets import insert_datasets, varied_dataset
from tests.support.in_process_client import InProcessClient, in_process_client
from tests.support.service import PostgresServer, run_sql

ONE = "query($id: ID!) { task(id: $id) { id title tags { name } } }"
ANY = "query($id: ID!) { node(id: $id) { __typename id ... on Task { title } ... on Tag { name } ... on TaskList { color } } }"

UncachedRun = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> PostgresServer:
    """A database with rows of two users."""
    database = postgres.copy("template_todo")
    insert_datasets(database.owner, varied_dataset("ada"), varied_dataset("eve", tasks=12))
    return database


@pytest.fixture(scope="module")
def cached_client(database: PostgresServer) -> Iterator[InProcessClient]:
    """A client with its own operation cache."""
    with in_process_client(database, "ada") as client:
        yield client


@pytest.fixture
def client(cached_client: InProcessClient) -> InProcessClient:
    """A client with an empty operation cache."""
    return clear_cache(cached_client)


def clear_cache(client: InProcessClient) -> InProcessClient:
    """Clear the operation cache."""
    client.executor.cache.documents.clear()
    client.executor.cache.operations.clear()
    return client


def ids(database: PostgresServer, table: str, user_id: str = "ada", *, active: bool = True) -> list[str]:
    """Return ids of the user's rows."""
    condition = f"user_id = %s AND (deleted_at IS NULL) = {active}"
    return [str(row_id) for (row_id,) in run_sql(database.owner, f"SELECT id FROM {table} WHERE {condition}", user_id)]


@pytest.fixture(scope="module")
def run_uncached(database: PostgresServer) -> Iterator[UncachedRun]:
    """A function that runs an operation with an empty operation cache."""
    with in_process_client(database, "ada") as client:
        yield lambda document, variables: clear_cache(client).run(document, variables).body


INVALID_VARIABLES: list[dict[str, Any]] = [
    {"id": 5},
    {"id": None},
    {"id": ["x"]},
    {"id": True},
    {},
    {"id": ""},
    {"id": "\0"},
    {"id": "x", "no": 1},
]


@pytest.mark.parametrize("document", [ONE, ANY])
def test_cached_operation_returns_the_uncached_response_for_any_id(
    client: InProcessClient, database: PostgresServer, run_uncached: UncachedRun, document: str
) -> None:
    foreign_ids = ids(database, "task", "eve")[:2]
    deleted_ids = ids(database, "task", active=False)[:2]
    own_ids = [ids(database, table)[0] for table in ("task", "tag", "task_list", "comment")]
    all_ids = [*own_ids, *ids(database, "task")[1:4], *foreign_ids, *deleted_ids, str(UUID(int=7)), own_ids[0].upper()]
    all_variables = [*({"id": row_id} for row_id in all_ids), *INVALID_VARIABLES]

    # A valid id precedes each run: an operation that has succeeded is run from the cache.
    for variables in all_variables:
        response = run_uncached(document, variables)
        assert "errors" not in client.run(document, {"id": own_ids[0]}).body
        assert client.run(document, variables).body == response
        assert client.run(document, variables).body == response


PAGES = {
    "after": "query($c: String) { tasks(first: 3, after: $c) { nodes { id } pageInfo { hasNextPage endCursor } } }",
    "before": "query($c: String) { tasks(last: 3, before: $c) { nodes { id } pageInfo { hasPreviousPage startCursor } } }",
}


@pytest.mark.parametrize("argument", PAGES)
def test_cached_operation_returns_the_uncached_response_for_every_page(
    client: InProcessClient, run_uncached: UncachedRun, argument: str
) -> None:
    document = PAGES[argument]
    seen_ids: list[str] = []
    variables: dict[str, Any] = {}
    has_more = True
    while has_more:
        body = client.run(document, variables).body
        assert body == run_uncached(document, variables)
        page = body["data"]["tasks"]
        nodes = [node["id"] for node in page["nodes"]]
        seen_ids = [*seen_ids, *nodes] if argument == "after" else [*nodes, *seen_ids]
        has_more, cursor = page["pageInfo"].values()
        variables = {"c": cursor}

    assert seen_ids == [
        node["id"] for node in client.run("{ tasks(first: 500) { nodes { id } } }").body["data"]["tasks"]["nodes"]
    ]
    for invalid in ("", "nonsense", None, 5):
        assert client.run(document, {"c": invalid}).body == run_uncached(document, {"c": invalid})


SHARED_VARIABLE_DOCUMENTS = [
    "query($id: ID!, $b: ID!) { task(id: $id) { title } b: task(id: $b) { id } c: task(id: $id) { id } }",
    "query($id: ID!, $b: ID!) { task(id: $id) { id } tasks(filter: {id: {eq: $id}}) { nodes { id } } b: task(id: $b) { id } }",
    "query($id: ID!, $b: ID!) { ...F b: task(id: $b) { id } } fragment F on Query { task(id: $id) { id } }",
    'query($id: ID! = "x", $b: ID!) { task(id: $id) { id } b: task(id: $b) { id } }',
    'query($id: ID!, $b: ID!) { task(id: $id) { id } t: tasks(search: "a", after: $b) { nodes { id } } }',
]


@pytest.mark.parametrize("document", SHARED_VARIABLE_DOCUMENTS)
def test_bind_variable_may_also_be_used_in_other_arguments(
    client: InProcessClient, database: PostgresServer, run_uncached: UncachedRun, document: str
) -> None:
    tasks = ids(database, "task")[:3]
    all_variables: list[dict[str, Any]] = [{"id": first, "b": second} for first in tasks for second in tasks] + [{"b": tasks[0]}]

    for variables in all_variables:
        assert client.run(document, variables).body == run_uncached(document, variables)


def test_compiled_operation_is_shared_across_ids(client: InProcessClient, database: PostgresServer) -> None:
    tasks = ids(database, "task")
    for row_id in tasks:
        client.run(ONE, {"id": row_id})
    for _ in range(2):
        client.run(ONE, {"id": "nonsense"})

    assert len(client.executor.cache.operations) == 1
    (cached,) = client.executor.cache.operations.items()
    assert not [row_id for row_id in tasks if row_id in repr(cached)]


def test_missing_variable_does_not_affect_cached_cost(client: InProcessClient, database: PostgresServer) -> None:
    def cost(**variables: Any) -> Any:
        return client.run(ONE, variables, include_cost=True).body["extensions"]["cost"]["requested"]

    assert cost() == 0
    assert cost(id=None) == 0
    assert cost(id="nonsense") == cost(id=ids(database, "task")[0]) > 0


BIND_VARIABLES = {
    "query($a: ID!) { task(id: $a) { id } }": {None: {"a"}},
    "query Q($a: ID!, $b: ID!) { x: task(id: $a) { id } y: node(id: $a) { id } list(id: $b) { id } }": {"Q": {"a", "b"}},
    "query($a: String, $n: Int) { tasks(first: $n, after: $a) { totalCount } }": {None: {"a"}},
    "query($a: String, $b: String) { tasks(last: 1, before: $b, search: $a) { totalCount } }": {None: {"b"}},
    "query($a: String) { lists { nodes { tasks(after: $a) { totalCount } } } }": {None: set()},
    "query($a: ID!) { task(id: $a) { id } tasks(filter: {id: {in: [$a]}}) { totalCount } }": {None: set()},
    "query($a: ID!) { task(id: $a) { id } ...F } fragment F on Query { b: task(id: $a) { id } }": {None: set()},
    "query($a: ID!) { task(id: $a) { id } ... { b: task(id: $a) { id } } }": {None: set()},
    'query($a: ID! = "1") { task(id: $a) { id } }': {None: set()},
    "query A($a: ID!) { task(id: $a) { id } } query B($a: ID!) { tasks(filter: {id: {eq: $a}}) { totalCount } }": {
        "A": {"a"},
        "B": set(),
    },
}


@pytest.mark.parametrize("document", BIND_VARIABLES)
def test_bind_variables_of_operations_are_detected(document: str) -> None:
    assert bindable_variables(parse(document)) == BIND_VARIABLES[document]
