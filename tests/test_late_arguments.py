"""Ids and cursors come late: what is remembered of an operation serves for all of them, and answers as if it knew none."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, replace
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from graphql import ExecutionResult, execute_sync, parse

from graphql_schema.compiled_operation import CompiledOperation, OperationKey
from graphql_schema.late import bindable_variables
from graphql_schema.repertoire import OperationCache
from graphql_schema.requests import GraphRequest
from graphql_schema.schema import build_schema
from tests.conftest import Cluster, run_sql
from tests.in_process import Caller, calling
from tests.worlds import motley, put

ONE = "query($id: ID!) { task(id: $id) { id title tags { name } } }"
ANY = "query($id: ID!) { node(id: $id) { __typename id ... on Task { title } ... on Tag { name } ... on TaskList { color } } }"

First = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> Cluster:
    """Ada's rows, and beside them Eve's."""
    database = cluster.copy("template_todo")
    put(database.owner, motley("ada"), motley("eve", tasks=12))
    return database


@pytest.fixture(scope="module")
def knowing(database: Cluster) -> Iterator[Caller]:
    """Ada, at a graph."""
    with calling(database, "ada") as caller:
        yield caller


@pytest.fixture
def ada(knowing: Caller) -> Caller:
    """Ada, at a graph that remembers nothing yet."""
    return forgetful(knowing)


def forgetful(caller: Caller) -> Caller:
    """Let everything be forgotten."""
    caller.graph.cache.documents.clear()
    caller.graph.cache.operations.clear()
    return caller


def ids(database: Cluster, table: str, user_id: str = "ada", *, living: bool = True) -> list[str]:
    """Return ids of the user's rows."""
    condition = f"user_id = %s AND (deleted_at IS NULL) = {living}"
    return [str(row_id) for (row_id,) in run_sql(database.owner, f"SELECT id FROM {table} WHERE {condition}", user_id)]


@pytest.fixture(scope="module")
def first_answer(database: Cluster) -> Iterator[First]:
    """Run an operation at a graph that has never seen it."""
    with calling(database, "ada") as caller:
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
def test_whatever_the_id_it_is_answered_as_the_first_time(
    ada: Caller, database: Cluster, first_answer: First, document: str
) -> None:
    theirs = ids(database, "task", "eve")[:2]
    dead = ids(database, "task", living=False)[:2]
    mine = [ids(database, table)[0] for table in ("task", "tag", "task_list", "comment")]
    named = [*mine, *ids(database, "task")[1:4], *theirs, *dead, str(UUID(int=7)), mine[0].upper()]
    given = [*({"id": row_id} for row_id in named), *BAD]

    # Each after a good one: an operation that has just gone well is run by its readings alone.
    for variables in given:
        answer = first_answer(document, variables)
        assert "errors" not in ada.run(document, {"id": mine[0]}).body
        assert ada.run(document, variables).body == answer
        assert ada.run(document, variables).body == answer


PAGES = {
    "after": "query($it: String) { tasks(first: 3, after: $it) { nodes { id } pageInfo { hasNextPage endCursor } } }",
    "before": "query($it: String) { tasks(last: 3, before: $it) { nodes { id } pageInfo { hasPreviousPage startCursor } } }",
}


@pytest.mark.parametrize("argument", PAGES)
def test_page_after_page_is_answered_as_the_first(ada: Caller, first_answer: First, argument: str) -> None:
    document = PAGES[argument]
    met: list[str] = []
    variables: dict[str, Any] = {}
    goes_on = True
    while goes_on:
        body = ada.run(document, variables).body
        assert body == first_answer(document, variables)
        page = body["data"]["tasks"]
        nodes = [node["id"] for node in page["nodes"]]
        met = [*met, *nodes] if argument == "after" else [*nodes, *met]
        goes_on, cursor = page["pageInfo"].values()
        variables = {"it": cursor}

    assert met == [node["id"] for node in ada.run("{ tasks(first: 500) { nodes { id } } }").body["data"]["tasks"]["nodes"]]
    for flawed in ("", "nonsense", None, 5):
        assert ada.run(document, {"it": flawed}).body == first_answer(document, {"it": flawed})


SEVERAL = [
    "query($id: ID!, $b: ID!) { task(id: $id) { title } b: task(id: $b) { id } c: task(id: $id) { id } }",
    "query($id: ID!, $b: ID!) { task(id: $id) { id } tasks(filter: {id: {eq: $id}}) { nodes { id } } b: task(id: $b) { id } }",
    "query($id: ID!, $b: ID!) { ...F b: task(id: $b) { id } } fragment F on Query { task(id: $id) { id } }",
    'query($id: ID! = "x", $b: ID!) { task(id: $id) { id } b: task(id: $b) { id } }',
    'query($id: ID!, $b: ID!) { task(id: $id) { id } t: tasks(search: "a", after: $b) { nodes { id } } }',
]


@pytest.mark.parametrize("document", SEVERAL)
def test_a_variable_may_be_used_elsewhere_too(ada: Caller, database: Cluster, first_answer: First, document: str) -> None:
    tasks = ids(database, "task")[:3]
    given: list[dict[str, Any]] = [{"id": one, "b": other} for one in tasks for other in tasks] + [{"b": tasks[0]}]

    for variables in given:
        assert ada.run(document, variables).body == first_answer(document, variables)


def test_one_compiled_operation_serves_all_ids_and_holds_none(ada: Caller, database: Cluster) -> None:
    tasks = ids(database, "task")
    for row_id in tasks:
        ada.run(ONE, {"id": row_id})
    for _ in range(2):
        ada.run(ONE, {"id": "nonsense"})

    assert len(ada.graph.cache.operations) == 1
    (kept,) = ada.graph.cache.operations.items()
    assert not [row_id for row_id in tasks if row_id in repr(kept)]


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the documents that graphql-core executes."""
    documents: list[str] = []

    def execute(*arguments: Any, **options: Any) -> ExecutionResult:
        documents.append(arguments[1].loc.source.body)
        return execute_sync(*arguments, **options)

    monkeypatch.setattr("graphql_schema.operations.execute_sync", execute)
    return documents


def cached_operation(caller: Caller) -> CompiledOperation:
    """Return the only operation in the cache."""
    (operation,) = caller.graph.cache.operations.values()
    return operation


def test_compiled_operation_is_immutable(ada: Caller, database: Cluster) -> None:
    ada.run(ONE, {"id": ids(database, "task")[0]})
    operation = cached_operation(ada)

    assert operation.root_readers is not None
    for instance in (operation, *operation.root_readers):
        hash(instance)  # so everything in it is immutable
        with pytest.raises((FrozenInstanceError, TypeError)):
            setattr(instance, "key", None)  # noqa: B010 - mypy knows that it cannot be assigned


def test_query_is_replayed_after_one_execution_without_errors(ada: Caller, database: Cluster, executions: list[str]) -> None:
    tasks = ids(database, "task")
    assert "errors" in ada.run(ONE, {"id": str(UUID(int=7))}).body
    assert cached_operation(ada).root_readers is None

    for row_id in tasks:
        assert ada.run(ONE, {"id": row_id}).body["data"]["task"]["id"] == row_id
    assert len(executions) == 2


def test_failing_replay_leaves_the_compiled_operation_for_later_requests(
    ada: Caller, database: Cluster, executions: list[str]
) -> None:
    (mine, *_), theirs = ids(database, "task"), ids(database, "task", "eve")[0]
    first = ada.run(ONE, {"id": mine}).body
    operation = cached_operation(ada)
    failing = [ada.run(ONE, {"id": theirs}).body for _ in range(2)]

    assert [body["errors"][0]["extensions"]["code"] for body in failing] == ["NOT_FOUND", "NOT_FOUND"]
    assert cached_operation(ada) is operation
    assert len(executions) == 3
    assert ada.run(ONE, {"id": mine}).body == first
    assert len(executions) == 3


def test_query_with_fields_of_the_schema_itself_is_never_replayed(ada: Caller, executions: list[str]) -> None:
    document = "{ __typename viewer { id } }"

    assert [ada.run(document).body["data"] for _ in range(2)] == [{"__typename": "Query", "viewer": {"id": "ada"}}] * 2
    assert cached_operation(ada).root_readers is None
    assert len(executions) == 2


def test_concurrent_first_executions_store_one_compiled_operation(database: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    document = "{ viewer { id } tasks { nodes { id } } lists { totalCount } }"
    together = Barrier(4)
    executions: list[ExecutionResult] = []

    def execute(*arguments: Any, **options: Any) -> ExecutionResult:
        together.wait(timeout=30)
        result = execute_sync(*arguments, **options)
        executions.append(result)
        return result

    monkeypatch.setattr("graphql_schema.operations.execute_sync", execute)
    with calling(database, "ada", connections=4) as caller, ThreadPoolExecutor(4) as threads:
        bodies = [outcome.body for outcome in threads.map(caller.run, [document] * 4)]
        operation = cached_operation(caller)
        replayed = caller.run(document).body

    assert bodies == [replayed] * 4
    assert operation.root_readers is not None
    assert [field.key for field in operation.root_readers] == ["viewer", "tasks", "lists"]
    assert len(executions) == 4


def test_analyzing_again_does_not_replace_a_compiled_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, request = OperationCache(build_schema()._schema), GraphRequest("{ viewer { id } }")
    compiled = replace(cache.prepare(request), root_readers=())
    cache.operations.clear()
    analyze = cache._analyze

    def analyze_while_another_thread_compiles(key: OperationKey) -> CompiledOperation:
        cache.store(compiled)
        return analyze(key)

    monkeypatch.setattr(cache, "_analyze", analyze_while_another_thread_compiles)

    assert cache.prepare(request) is compiled
    assert list(cache.operations.values()) == [compiled]


def test_operation_larger_than_the_cache_is_executed_without_it(ada: Caller) -> None:
    document = "query($f: TaskFilter) { tasks(filter: $f) { totalCount } }"
    variables = {"f": {"title": {"ne": "x" * 700_000}}}

    assert [ada.run(document, variables).body for _ in range(2)] == [ada.run("{ tasks { totalCount } }").body] * 2
    assert len(ada.graph.cache.operations) == 1


def test_a_first_time_without_the_id_makes_no_other_cheaper(ada: Caller, database: Cluster) -> None:
    def cost(**variables: Any) -> Any:
        return ada.run(ONE, variables, wants_cost=True).body["extensions"]["cost"]["requested"]

    assert cost() == 0
    assert cost(id=None) == 0
    assert cost(id="nonsense") == cost(id=ids(database, "task")[0]) > 0


BINDABLE_VARIABLES = {
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


@pytest.mark.parametrize("document", BINDABLE_VARIABLES)
def test_which_variables_come_late(document: str) -> None:
    assert bindable_variables(parse(document)) == BINDABLE_VARIABLES[document]
