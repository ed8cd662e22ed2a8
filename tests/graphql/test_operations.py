"""GraphQL operations: selections, connections, mutations and the operation cache."""

import base64
import gc
import json
from typing import Any
from uuid import uuid4
from weakref import ref

import pytest

from graphql_schema.context import GraphQLContext
from graphql_schema.documents.operation_cache import MAX_OPERATION_CACHE_CHARACTERS
from graphql_schema.documents.request import GraphQLRequest
from graphql_schema.execution.executor import GraphQLExecutor
from graphql_schema.schema import build_schema
from models.database import Database, make_engine
from services.errors import Unauthenticated
from services.rate_limiting.client import Client
from services.user_context import UserContext
from tests.support.api_clients import ApiError, GraphQLClient
from tests.support.service import RunningService
from tests.support.users import PASSWORD, TestUser


@pytest.fixture
def home_rows(graphql_client: GraphQLClient) -> dict[str, Any]:
    """Ids of a list, its two tags and its five tasks; the first task has two subtasks and a comment."""
    tags = [graphql_client.create("tag", name=name)["id"] for name in ("b", "a")]
    home = graphql_client.create("list", name="Home")["id"]
    tasks = [
        graphql_client.create("task", title=f"Task {n}", list_id=home, tag_ids=tags, priority="high")["id"] for n in range(5)
    ]
    for title in ("Part 1", "Part 2"):
        graphql_client.create("task", title=title, parent_id=tasks[0])
    graphql_client.comment(tasks[0], "Hm")
    return {"list": home, "tags": tags, "tasks": tasks}


def test_nested_selection_returns_nested_data(graphql_client: GraphQLClient, home_rows: dict[str, Any]) -> None:
    data = graphql_client.run(
        """{ lists { nodes { name tasks(first: 2, orderBy: [{field: POSITION}]) { totalCount nodes {
            title list { name } tags { name tasks { totalCount } } subtasks { nodes { title parent { id } } }
            comments { nodes { body task { title } } } } } } } }"""
    )

    (home,) = data["lists"]["nodes"]
    first, second = home["tasks"]["nodes"]
    assert home["tasks"]["totalCount"] == 7
    assert (first["title"], second["title"]) == ("Task 0", "Task 1")
    assert first["list"] == {"name": "Home"}
    assert first["tags"] == [{"name": "a", "tasks": {"totalCount": 5}}, {"name": "b", "tasks": {"totalCount": 5}}]
    assert [part["title"] for part in first["subtasks"]["nodes"]] == ["Part 2", "Part 1"]
    assert {part["parent"]["id"] for part in first["subtasks"]["nodes"]} == {home_rows["tasks"][0]}
    assert first["comments"]["nodes"] == [{"body": "Hm", "task": {"title": "Task 0"}}]
    assert second["subtasks"]["nodes"] == second["comments"]["nodes"] == []


def test_fragments_aliases_and_directives_follow_the_specification(
    graphql_client: GraphQLClient, home_rows: dict[str, Any]
) -> None:
    data = graphql_client.run(
        """query Q($id: ID!, $yes: Boolean = true, $no: Boolean = false) {
            a: task(id: $id) { ...Names id ... on Task { id priority } ... { status } title @skip(if: $yes) }
            b: task(id: $id) { __typename few: subtasks(first: 1) { nodes { title } } all: subtasks { nodes { t: title } } }
            c: task(id: $id) { subtasks { nodes { id } } tags @include(if: $no) { id }
                subtasks { nodes { title } edges { node { id } } } }
        }
        fragment Names on Task { title @include(if: $no) position }""",
        id=home_rows["tasks"][0],
    )

    assert list(data["a"]) == ["position", "id", "priority", "status"]
    assert data["b"]["__typename"] == "Task"
    assert data["b"]["few"] == {"nodes": [{"title": "Part 2"}]}
    assert data["b"]["all"] == {"nodes": [{"t": "Part 2"}, {"t": "Part 1"}]}
    assert list(data["c"]) == ["subtasks"]
    assert list(data["c"]["subtasks"]["nodes"][0]) == ["id", "title"]
    assert list(data["c"]["subtasks"]["edges"][0]["node"]) == ["id"]


def test_node_returns_rows_by_id(graphql_client: GraphQLClient, home_rows: dict[str, Any]) -> None:
    document = """query($id: ID!) { node(id: $id) { __typename id ... on Task { title } ... on TaskList { name } } }"""

    assert graphql_client.run(document, id=home_rows["tasks"][0])["node"] == {
        "__typename": "Task",
        "id": home_rows["tasks"][0],
        "title": "Task 0",
    }
    assert graphql_client.run(document, id=home_rows["list"])["node"] == {
        "__typename": "TaskList",
        "id": home_rows["list"],
        "name": "Home",
    }
    assert graphql_client.run(document, id=home_rows["tags"][0])["node"] == {"__typename": "Tag", "id": home_rows["tags"][0]}
    assert graphql_client.run(document, id="01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e")["node"] is None


PAGE = """query($first: Int, $after: String, $last: Int, $before: String, $by: TaskOrderField!, $direction: OrderDirection!) {
    tasks(first: $first, after: $after, last: $last, before: $before, orderBy: [{field: $by, direction: $direction}]) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }"""


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("by", ["CREATED", "UPDATED", "TITLE", "PRIORITY", "POSITION", "COMPLETED"])
def test_paginating_forward_and_backward_returns_every_row_once(graphql_client: GraphQLClient, by: str, direction: str) -> None:
    graphql_client.run(
        "mutation($i: [CreateTaskInput!]!) { createTasks(inputs: $i) { tasks { id } } }", i=[{"title": "same"}] * 3
    )
    for number in range(4):
        status = "COMPLETED" if number % 2 else "PENDING"
        graphql_client.create("task", title=f"{number % 3}", status=status, priority=["low", "high"][number % 2])
    all_ids = [edge["node"]["id"] for edge in graphql_client.run(PAGE, by=by, direction=direction, first=100)["tasks"]["edges"]]
    assert len(all_ids) == 7

    forward: list[str] = []
    after = None
    while True:
        page = graphql_client.run(PAGE, by=by, direction=direction, first=2, after=after)["tasks"]
        forward += [edge["node"]["id"] for edge in page["edges"]]
        assert page["totalCount"] == 7
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert forward == all_ids

    backward: list[str] = []
    before = None
    while True:
        page = graphql_client.run(PAGE, by=by, direction=direction, last=2, before=before)["tasks"]
        backward = [edge["node"]["id"] for edge in page["edges"]] + backward
        assert page["pageInfo"]["hasNextPage"] is (before is not None)
        before = page["pageInfo"]["startCursor"]
        if not page["pageInfo"]["hasPreviousPage"]:
            break
    assert backward == all_ids


def test_pagination_stays_correct_during_inserts_and_deletes(graphql_client: GraphQLClient) -> None:
    tasks = {title: graphql_client.create("task", title=title) for title in "abdef"}
    page = graphql_client.run(PAGE, by="TITLE", direction="ASC", first=2)["tasks"]
    graphql_client.delete("task", tasks["b"]["id"])
    graphql_client.create("task", title="aa")
    inserted = graphql_client.create("task", title="c")

    next_page = graphql_client.run(PAGE, by="TITLE", direction="ASC", first=10, after=page["pageInfo"]["endCursor"])["tasks"][
        "edges"
    ]

    assert [edge["node"]["id"] for edge in next_page] == [inserted["id"], *(tasks[title]["id"] for title in "def")]


def test_nested_connections_paginate_per_parent(graphql_client: GraphQLClient) -> None:
    lists = [graphql_client.create("list", name=name)["id"] for name in "ab"]
    for list_id in lists:
        for number in range(3):
            graphql_client.create("task", title=f"{number}", list_id=list_id)
    document = """query($after: String) { lists { nodes { tasks(first: 2, after: $after, orderBy: [{field: TITLE}]) {
        nodes { title } pageInfo { hasNextPage endCursor } } } } }"""

    first = graphql_client.run(document)["lists"]["nodes"]
    cursor = first[0]["tasks"]["pageInfo"]["endCursor"]
    second = graphql_client.run(document, after=cursor)["lists"]["nodes"]

    assert [[task["title"] for task in task_list["tasks"]["nodes"]] for task_list in first] == [["0", "1"]] * 2
    assert [task_list["tasks"]["pageInfo"]["hasNextPage"] for task_list in first] == [True, True]
    assert [task["title"] for task in second[0]["tasks"]["nodes"]] == ["2"]


def test_empty_nested_page_still_has_total_count(graphql_client: GraphQLClient, home_rows: dict[str, Any]) -> None:
    document = "query($a: String) { lists { nodes { tasks(after: $a) { totalCount nodes { id } pageInfo { endCursor } } } } }"
    all_ids = graphql_client.run(document)["lists"]["nodes"][0]["tasks"]

    beyond = graphql_client.run(document, a=all_ids["pageInfo"]["endCursor"])["lists"]["nodes"][0]["tasks"]

    assert len(all_ids["nodes"]) == len(home_rows["tasks"]) + 2
    assert beyond == {"totalCount": 7, "nodes": [], "pageInfo": {"endCursor": None}}


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ("first: 501", "/first"),
        ("first: -1", "/first"),
        ("last: 501", "/last"),
        ('after: "x", before: "y"', "/after"),
        ('after: "nonsense"', "/after"),
        ('before: "nonsense"', "/before"),
        ('search: "\\u0000"', "/search"),
        ("orderBy: [{field: TITLE}, {field: TITLE}]", "/order_by"),
        ('filter: {title: {eq: "\\u0000"}}', "/filter/title/eq"),
        ('filter: {listId: {eq: "x"}}', "/filter/list_id/eq"),
        ("filter: {title: {eq: null}}", "/filter/title/eq"),
        ('filter: {createdAt: {lt: "2026-01-01T00:00:00"}}', "/filter/created_at/lt"),
        ('filter: {and: [{}, {tags: {some: {id: {in: ["x"]}}}}]}', "/filter/and/1/tags/some/id/in/0"),
    ],
)
def test_invalid_connection_arguments_return_pointer(graphql_client: GraphQLClient, arguments: str, pointer: str) -> None:
    with pytest.raises(ApiError) as error:
        graphql_client.run(f"{{ tasks({arguments}) {{ nodes {{ id }} }} }}")

    assert (error.value.code, error.value.pointers) == ("INVALID_INPUT", [pointer])


def test_years_before_1000_are_accepted_in_filters(graphql_client: GraphQLClient) -> None:
    graphql_client.create("task", title="x")
    document = "query($t: DateTime) { tasks(filter: {createdAt: {gt: $t}}) { totalCount } }"

    for old in ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"):
        assert graphql_client.run(document, t=old)["tasks"]["totalCount"] == 1


def test_page_of_size_0_is_empty_and_has_next_page(graphql_client: GraphQLClient) -> None:
    graphql_client.create("task", title="x")
    data = graphql_client.run("{ tasks(first: 0) { nodes { id } totalCount pageInfo { hasNextPage startCursor } } }")

    assert data["tasks"] == {"nodes": [], "totalCount": 1, "pageInfo": {"hasNextPage": True, "startCursor": None}}


def test_each_mutation_field_is_its_own_transaction(graphql_client: GraphQLClient) -> None:
    create = "createTask(input: {title: $%s}) { __typename }"
    document = f"mutation($a: String!, $b: String!) {{ a: {create % 'a'} b: {create % 'b'} }}"
    body = graphql_client.post({"query": document, "variables": {"a": "valid", "b": " "}})

    assert body["data"] is None
    assert body["errors"][0]["path"] == ["b"]
    assert [task["title"] for task in graphql_client.page("task")] == ["valid"]


def test_mutation_payload_may_select_only_typename(graphql_client: GraphQLClient) -> None:
    data = graphql_client.run('mutation { createTask(input: {title: "x"}) { __typename } }')
    aliased = graphql_client.run('mutation { createTask(input: {title: "x"}) { a: task { title } b: task { status } } }')

    assert data["createTask"] == {"__typename": "TaskPayload"}
    assert aliased["createTask"] == {"a": {"title": "x"}, "b": {"status": "PENDING"}}


def test_anonymous_clients_may_only_introspect_register_and_log_in(service: RunningService) -> None:
    with GraphQLClient(service.url, None) as anonymous:
        assert anonymous.run("{ __schema { queryType { name } } __typename }")["__typename"] == "Query"
        registered = anonymous.register(email="anonymous@example.com", password=PASSWORD)
        assert anonymous.log_in("anonymous@example.com", PASSWORD)["user"] == registered["user"]
        for document in (
            "{ viewer { id } }",
            "{ tasks { totalCount } }",
            'mutation { createTask(input: {title: "x"}) { task { id } } }',
        ):
            with pytest.raises(ApiError) as error:
                anonymous.run(document)
            assert (error.value.code, error.value.status) == ("UNAUTHENTICATED", 401)


def test_operation_cache_is_bounded_and_holds_no_secrets() -> None:
    executor = GraphQLExecutor(build_schema())
    unused: Any = None

    def run(document: str, **variables: Any) -> None:
        anonymous = GraphQLContext(
            Unauthenticated(""), Client("192.0.2.1"), auth_service=unused, password_hasher=unused, deletion_worker=unused
        )
        executor.execute(GraphQLRequest(document, variables), anonymous)

    for number in range(1000):
        run(f"{{ a{number} }}")
        run("#" * 200_000 + str(number))
        run(f"{{ a{number}: __typename }}")
    run(
        "mutation($i: LogInInput!) { logIn(input: $i) { accessToken } }",
        i={"email": "a@example.com", "password": "hunter2hunter2"},
    )

    caches: list[Any] = [executor.cache.documents, executor.cache.operations]
    assert all(len(cache) < 500 and cache.currsize <= MAX_OPERATION_CACHE_CHARACTERS for cache in caches)
    assert "hunter2" not in str([list(cache.items()) for cache in caches])


def test_anonymous_operations_do_not_cache_selections() -> None:
    """Selections of operations that fail anyway must not fill the cache."""
    executor = GraphQLExecutor(build_schema())
    unused: Any = None
    anonymous = GraphQLContext(
        Unauthenticated(""), Client("192.0.2.1"), auth_service=unused, password_hasher=unused, deletion_worker=unused
    )
    document = 'query($id: ID!) { __typename task(id: $id) { subtasks(filter: {title: {in: ["x", "y"]}}) { totalCount } } }'

    result = executor.execute(GraphQLRequest(document, {"id": "01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e"}), anonymous)

    assert (result.body["data"], anonymous.root_readers) == ({"__typename": "Query", "task": None}, [])


def test_operation_cache_does_not_retain_the_context(service: RunningService, user: TestUser) -> None:
    """A cached selection must not keep the context of the operation that created it alive."""
    executor = GraphQLExecutor(build_schema())
    engine = make_engine(service.database.service, pool_size=1)
    unused: Any = None
    context = GraphQLContext(
        UserContext(user.id, Database(engine, statement_timeout=5000)),
        Client("192.0.2.1"),
        auth_service=unused,
        password_hasher=unused,
        deletion_worker=unused,
    )
    reference = ref(context)
    document = "{ viewer { id } sessions { id __typename } apiTokens { scopes } tasks { nodes { id } } node(id: 1) { id } }"

    result = executor.execute(GraphQLRequest(document.replace("id: 1", f'id: "{uuid4()}"')), context)
    engine.dispose()
    del context
    gc.collect()

    assert result.body["data"]["viewer"] == {"id": user.id}
    (operation,) = executor.cache.operations.values()
    assert operation.root_readers is not None
    assert len(operation.root_readers) == 5
    assert reference() is None


def test_tampered_cursor_returns_422(graphql_client: GraphQLClient) -> None:
    for title in "ab":
        graphql_client.create("task", title=title)
    cursor = graphql_client.run("{ tasks(first: 1) { pageInfo { endCursor } } }")["tasks"]["pageInfo"]["endCursor"]
    digest, timestamp, row_id = json.loads(base64.urlsafe_b64decode(cursor + "=="))

    for values in (
        [digest, timestamp, 5],
        [digest, timestamp, None],
        [digest, 5, row_id],
        [digest, "2026-01-01T00:00:00+23:59x", row_id],
    ):
        tampered = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
        with pytest.raises(ApiError) as error:
            graphql_client.run("query($a: String) { tasks(after: $a) { nodes { id } } }", a=tampered)
        assert (error.value.code, error.value.pointers) == ("INVALID_INPUT", ["/after"])
    early = base64.urlsafe_b64encode(json.dumps([digest, "0001-01-02T00:00:00+23:59", row_id]).encode()).decode()
    assert graphql_client.run("query($a: String) { tasks(after: $a) { nodes { id } } }", a=early)["tasks"]["nodes"] == []


def test_cached_operation_still_returns_errors(
    graphql_client: GraphQLClient, other_user: TestUser, service: RunningService
) -> None:
    task = graphql_client.create("task", title="x")
    document = "query($id: ID!) { a: task(id: $id) { title } viewer { name } }"
    for _ in range(3):
        assert graphql_client.run(document, id=task["id"])["a"] == {"title": "x"}
    with GraphQLClient(service.url, other_user.token) as other_client:
        assert other_client.post({"query": document, "variables": {"id": task["id"]}})["data"]["a"] is None
    graphql_client.delete("task", task["id"])
    body = graphql_client.post({"query": document, "variables": {"id": task["id"]}})

    assert body["data"]["a"] is None
    assert body["data"]["viewer"]
    assert [(error["path"], error["extensions"]["code"]) for error in body["errors"]] == [(["a"], "NOT_FOUND")]
