"""Bind parameters: cached operations give the same responses for any id or cursor as a first run."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest
from graphql import parse

from graphql_schema.late import late_variables
from tests.support.datasets import insert_datasets, varied_dataset
from tests.support.in_process_client import InProcessClient, in_process_client
from tests.support.service import PostgresServer, run_sql

ONE = "query($id: ID!) { task(id: $id) { id title tags { name } } }"
ANY = "query($id: ID!) { node(id: $id) { __typename id ... on Task { title } ... on Tag { name } ... on TaskList { color } } }"

First = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> PostgresServer:
    """A database with rows of two users."""
    database = postgres.copy("template_todo")
    insert_datasets(database.owner, varied_dataset("ada"), varied_dataset("eve", tasks=12))
    return database


@pytest.fixture(scope="module")
def knowing(database: PostgresServer) -> Iterator[InProcessClient]:
    """A client with its own operation cache."""
    with in_process_client(database, "ada") as caller:
        yield caller


@pytest.fixture
def user(knowing: InProcessClient) -> InProcessClient:
    """A client with an empty operation cache."""
    return forgetful(knowing)


def forgetful(caller: InProcessClient) -> InProcessClient:
    """Clear the operation cache."""
    caller.graph.repertoire.documents.clear()
    caller.graph.repertoire.rehearsals.clear()
    return caller


def ids(database: PostgresServer, table: str, user_id: str = "ada", *, living: bool = True) -> list[str]:
    """Return ids of the user's rows."""
    condition = f"user_id = %s AND (deleted_at IS NULL) = {living}"
    return [str(row_id) for (row_id,) in run_sql(database.owner, f"SELECT id FROM {table} WHERE {condition}", user_id)]


@pytest.fixture(scope="module")
def first_answer(database: PostgresServer) -> Iterator[First]:
    """Run an operation with an empty operation cache."""
    with in_process_client(database, "ada") as caller:
        yield lambda document, variables: forgetful(caller).run(document, variables).body


BAD: list[dict[str, Any]] = [
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
def test_cached_operation_answers_any_id_like_a_first_run(
    user: InProcessClient, database: PostgresServer, first_answer: First, document: str
) -> None:
    theirs = ids(database, "task", "eve")[:2]
    dead = ids(database, "task", living=False)[:2]
    mine = [ids(database, table)[0] for table in ("task", "tag", "task_list", "comment")]
    named = [*mine, *ids(database, "task")[1:4], *theirs, *dead, str(UUID(int=7)), mine[0].upper()]
    given = [*({"id": row_id} for row_id in named), *BAD]

    # Each follows a valid id: an operation that has just succeeded takes the cached path.
    for variables in given:
        answer = first_answer(document, variables)
        assert "errors" not in user.run(document, {"id": mine[0]}).body
        assert user.run(document, variables).body == answer
        assert user.run(document, variables).body == answer


PAGES = {
    "after": "query($it: String) { tasks(first: 3, after: $it) { nodes { id } pageInfo { hasNextPage endCursor } } }",
    "before": "query($it: String) { tasks(last: 3, before: $it) { nodes { id } pageInfo { hasPreviousPage startCursor } } }",
}


@pytest.mark.parametrize("argument", PAGES)
def test_cached_operation_answers_every_page_like_a_first_run(user: InProcessClient, first_answer: First, argument: str) -> None:
    document = PAGES[argument]
    met: list[str] = []
    variables: dict[str, Any] = {}
    goes_on = True
    while goes_on:
        body = user.run(document, variables).body
        assert body == first_answer(document, variables)
        page = body["data"]["tasks"]
        nodes = [node["id"] for node in page["nodes"]]
        met = [*met, *nodes] if argument == "after" else [*nodes, *met]
        goes_on, cursor = page["pageInfo"].values()
        variables = {"it": cursor}

    assert met == [node["id"] for node in user.run("{ tasks(first: 500) { nodes { id } } }").body["data"]["tasks"]["nodes"]]
    for flawed in ("", "nonsense", None, 5):
        assert user.run(document, {"it": flawed}).body == first_answer(document, {"it": flawed})


SEVERAL = [
    "query($id: ID!, $b: ID!) { task(id: $id) { title } b: task(id: $b) { id } c: task(id: $id) { id } }",
    "query($id: ID!, $b: ID!) { task(id: $id) { id } tasks(filter: {id: {eq: $id}}) { nodes { id } } b: task(id: $b) { id } }",
    "query($id: ID!, $b: ID!) { ...F b: task(id: $b) { id } } fragment F on Query { task(id: $id) { id } }",
    'query($id: ID! = "x", $b: ID!) { task(id: $id) { id } b: task(id: $b) { id } }',
    'query($id: ID!, $b: ID!) { task(id: $id) { id } t: tasks(search: "a", after: $b) { nodes { id } } }',
]


@pytest.mark.parametrize("document", SEVERAL)
def test_bind_variable_may_also_be_used_in_other_arguments(
    user: InProcessClient, database: PostgresServer, first_answer: First, document: str
) -> None:
    tasks = ids(database, "task")[:3]
    given: list[dict[str, Any]] = [{"id": one, "b": other} for one in tasks for other in tasks] + [{"b": tasks[0]}]

    for variables in given:
        assert user.run(document, variables).body == first_answer(document, variables)


def test_prepared_operation_is_shared_across_ids(user: InProcessClient, database: PostgresServer) -> None:
    tasks = ids(database, "task")
    for row_id in tasks:
        user.run(ONE, {"id": row_id})
    for _ in range(2):
        user.run(ONE, {"id": "nonsense"})

    assert len(user.graph.repertoire.rehearsals) == 1
    (kept,) = user.graph.repertoire.rehearsals.items()
    assert not [row_id for row_id in tasks if row_id in repr(kept)]


def test_missing_variable_does_not_affect_cached_cost(user: InProcessClient, database: PostgresServer) -> None:
    def cost(**variables: Any) -> Any:
        return user.run(ONE, variables, wants_cost=True).body["extensions"]["cost"]["requested"]

    assert cost() == 0
    assert cost(id=None) == 0
    assert cost(id="nonsense") == cost(id=ids(database, "task")[0]) > 0


LATE_VARIABLES = {
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


@pytest.mark.parametrize("document", LATE_VARIABLES)
def test_bind_variables_of_operations_are_detected(document: str) -> None:
    assert late_variables(parse(document)) == LATE_VARIABLES[document]
