"""Query cost and complexity limits, checked before any row is read."""

import re
import time
from typing import Any

import orjson
import pytest
from graphql import build_schema as parse_schema

from graphql_schema.cost.analyzer import INPUT_FIELD_COST, ROW_WRITE_COST
from graphql_schema.cost.complexity import Complexity
from graphql_schema.cost.limits import (
    MAX_ALIASES,
    MAX_COST,
    MAX_OPERATION_FILTER_MEMBERS,
    MAX_REPORTED_AMOUNT,
    MAX_SELECTION_DEPTH,
    check_complexity,
)
from graphql_schema.documents.operation_cache import OperationCache
from graphql_schema.documents.request import GraphQLRequest
from graphql_schema.schema import build_schema
from services.errors import QueryTooComplex
from services.query_engine.execution import budget
from services.query_engine.query_model import MAX_RELATIONS
from tests.support.api_clients import ApiError, GraphQLClient, RestClient
from tests.support.service import LogCapture

SCHEMA = build_schema()._schema
NESTED = (
    "{ lists { nodes { id name tasks(first: 20) { nodes { id title completed priority createdAt tags { id name color } } } } } }"
)


def measure(text: str, **variables: Any) -> Complexity:
    return OperationCache(SCHEMA).prepare(GraphQLRequest(text, variables)).complexity


@pytest.mark.parametrize(
    ("document", "cost"),
    [
        ("{ __typename }", 1),
        ("{ viewer { id name } }", 3),
        ("{ tasks(first: 10) { nodes { id title } } }", 1 + 10 * 3),
        (
            "{ tasks(first: 10) { totalCount pageInfo { endCursor } nodes { id } edges { cursor node { id } } } }",
            1 + 3 + 10 * (2 + 4),
        ),
        ("{ tasks { nodes { id } } }", 1 + 50 * 2),
        ("{ tasks(first: null) { nodes { id } } }", 1 + 50 * 2),
        ("{ tasks(last: 7) { nodes { id } } }", 1 + 7 * 2),
        ("query($n: Int) { tasks(first: 3, last: $n) { nodes { id } } }", 1 + 3 * 2),
        ("{ tasks(first: 9999) { nodes { id } } }", 1 + 500 * 2),
        ("{ tasks(first: -1) { nodes { id } } }", 1),
        ("{ tasks(first: 2) { nodes { tags { id } } } }", 1 + 2 * (1 + 1 + 5)),
        ("{ tasks(first: 2) { nodes { subtasks(first: 3) { nodes { id } } list { id } } } }", 1 + 2 * (1 + 1 + 3 * 2 + 2)),
        ("{ tasks(first: 2) { nodes { ...F } } } fragment F on Task { id ... { title } ... on Task { status } }", 1 + 2 * 4),
        (
            "{ tasks(first: 2) { ...C } lists(first: 3) { __typename } } fragment C on TaskConnection { nodes { id } }",
            1 + 2 * 2 + 2,
        ),
        ("{ viewer { id @skip(if: true) name @include(if: false) ...V @skip(if: true) } } fragment V on Viewer { email }", 1),
        (NESTED, 1 + 50 * (1 + 2 + 1 + 20 * (1 + 5 + 1 + 5 * 3))),
        ('mutation { completeTasks(ids: "x") { tasks { id } } }', 1 + 1 * 2 + ROW_WRITE_COST),
        ('mutation { deleteTasks(ids: ["x", "y"]) { __typename } }', 1 + 1 + 2 * (ROW_WRITE_COST + INPUT_FIELD_COST)),
        (
            'mutation { updateTasks(ids: ["x", "y"], input: {title: "a", tagIds: ["b", "c"]}) { __typename } }',
            1 + 1 + 2 * (ROW_WRITE_COST + INPUT_FIELD_COST + 4 * INPUT_FIELD_COST),
        ),
        ('mutation { createTask(input: {title: "a"}) { task { id } } }', 1 + 2),
        ("{ tasks(first: 2) { nodes { ...F ...F } } } fragment F on Task { id }", 1 + 2 * 2),
        ("{ tasks(first: 0) { totalCount nodes { subtasks { nodes { id } } } } }", 2),
        (
            'mutation { createTasks(inputs: [{title: "a"}, {title: "b"}, {title: "c"}]) { tasks { id } } }',
            1 + 3 * (2 + ROW_WRITE_COST + 2 * INPUT_FIELD_COST),
        ),
    ],
)
def test_cost_is_fields_times_rows(document: str, cost: int) -> None:
    assert measure(document).cost == cost


def test_bulk_mutation_aliases_are_limited_by_cost(graphql_client: GraphQLClient) -> None:
    """Without the limit, 200 aliases of one bulk mutation with a shared variable took half an hour for 24 KB."""
    document = "mutation($new: [CreateTaskInput!]!) {{ {} }}"
    new = [{"title": "x"}] * 400

    def run_with(times: int) -> dict[str, Any]:
        repeated = " ".join(f"a{number}: createTasks(inputs: $new) {{ __typename }}" for number in range(times))
        return dict(graphql_client.post({"query": document.format(repeated), "variables": {"new": new}}))

    assert "cost" in run_with(5)["errors"][0]["extensions"]
    assert graphql_client.run("{ tasks { totalCount } }") == {"tasks": {"totalCount": 0}}
    assert list(run_with(1)["data"]) == ["a0"]


def test_variables_affect_the_cost() -> None:
    document = "query($n: Int = 4, $no: Boolean!) { tasks(first: $n) { nodes { id title @include(if: $no) } } }"

    assert measure(document, n=7, no=False).cost == 1 + 7 * 2
    assert measure(document, n=7, no=True).cost == 1 + 7 * 3


def test_measuring_nested_fragments_takes_linear_time() -> None:
    depth = 60
    chain = " ".join(f"fragment F{n} on Task {{ a: parent {{ ...F{n + 1} }} b: parent {{ ...F{n + 1} }} }}" for n in range(depth))
    document = f"{{ tasks {{ nodes {{ ...F0 }} }} }} {chain} fragment F{depth} on Task {{ id }}"

    started = time.process_time()
    complexity = measure(document)

    assert complexity.cost > 2**depth
    # Visiting every path would take 2^60 steps, so this bound does not depend on the machine.
    assert time.process_time() - started < 10


def expect_too_complex(graphql_client: GraphQLClient, document: str, **variables: Any) -> dict[str, Any]:
    body = graphql_client.post({"query": document, "variables": variables})
    assert "data" not in body
    (error,) = body["errors"]
    assert (error["extensions"]["code"], error["extensions"]["status"]) == ("QUERY_TOO_COMPLEX", 422)
    return dict(error)


def test_operation_over_the_cost_limit_is_rejected_before_reading(graphql_client: GraphQLClient, log: LogCapture) -> None:
    document = """query($n: Int!) { lists(first: 400) { nodes { id mine: tasks(first: $n) { nodes { id title
        tags { id name color } comments(first: 10) { nodes { body } } } } } } viewer { id } }"""
    log.captured.clear()
    error = expect_too_complex(graphql_client, document, n=500)

    assert error["message"].endswith(
        "The costliest field is lists.nodes.mine; its largest allowed page is `first: 124`, not 500."
    )
    assert error["extensions"]["cost"] == {"requested": measure(document, n=500).cost, "limit": MAX_COST}
    assert log.lines(requests=1)[-1]["sql_statements"] == 0


def test_suggested_page_size_fits_the_cost_limit(graphql_client: GraphQLClient) -> None:
    document = """query($n: Int!) { lists(first: 500) { nodes { id tasks(first: $n) { nodes { id title status
        a: id b: id c: id d: id e: id f: id } } } } }"""
    message = expect_too_complex(graphql_client, document, n=400)["message"]

    fitting = int(message.split("`first: ")[1].split("`")[0])

    assert "lists.nodes.tasks; " in message
    assert measure(document, n=fitting).cost <= MAX_COST < measure(document, n=fitting + 1).cost
    assert graphql_client.run(document, n=fitting) == {"lists": {"nodes": []}}


def test_cost_error_names_outer_connection(graphql_client: GraphQLClient) -> None:
    inner = "id " + " ".join(f"a{n}: title" for n in range(30))
    message = expect_too_complex(
        graphql_client, f"{{ tasks(first: 500) {{ nodes {{ subtasks(first: 500) {{ nodes {{ {inner} }} }} }} }} }}"
    )["message"]

    assert "tasks.nodes.subtasks; its largest allowed page is `first: " in message


def test_depth_aliases_and_relations_are_limited(graphql_client: GraphQLClient) -> None:
    deep = "{ tasks(first: 1) { nodes { " + "parent { " * MAX_SELECTION_DEPTH + "id" + " }" * MAX_SELECTION_DEPTH + " } } }"
    aliases = "{ viewer { " + " ".join(f"a{n}: id" for n in range(MAX_ALIASES + 1)) + " } }"
    repeated = "".join(f"f{n}: task(id: $i) {{ list {{ id }} }} " for n in range(MAX_RELATIONS // 2 + 1))

    assert "deep" in expect_too_complex(graphql_client, deep)["message"]
    assert "aliases" in expect_too_complex(graphql_client, aliases)["message"]
    assert (
        "relations"
        in expect_too_complex(graphql_client, f"query($i: ID!) {{ {repeated} }}", i="01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e")[
            "message"
        ]
    )


@pytest.mark.parametrize(
    ("document", "size"),
    [
        ("{ viewer { id } tasks(first: 3) { totalCount } }", 0),
        ('{ tasks(filter: {id: {in: ["x", "y"]}}) { totalCount } }', 1 + 1 + 2),
        ("query($i: [ID!]) { tasks(filter: {id: {in: $i}}) { totalCount } }", 1 + 1 + 3),
        ("query($f: TaskFilter) { tasks(filter: $f) { totalCount } }", 1 + 2 * (1 + 1 + 1)),
        (
            "query($i: [ID!]) { a: task(id: 1) { ...F } b: task(id: 1) { ...F } } " + "fragment F on Task { ...G }",
            2 * (1 + 1 + 3),
        ),
        ("{ tasks(orderBy: [{field: TITLE, direction: ASC}, {field: CREATED}]) { totalCount } }", 2 + 2 + 1),
    ],
)
def test_filter_size_counts_every_key_and_value(document: str, size: int) -> None:
    subtasks = " fragment G on Task { subtasks(filter: {id: {in: $i}}) { totalCount } }" if "...G" in document else ""
    variables = {"i": ["a", "b", "c"], "f": {"and": [{"title": {"eq": "x"}}, {"title": {"eq": "x"}}]}}

    assert measure(document + subtasks, **variables).filter_members == size


def test_repeated_variable_use_counts_towards_the_filter_size_limit(graphql_client: GraphQLClient) -> None:
    """Each use creates values that are validated, sent to the database and cached: 24 KB became 400 MB."""
    repeated = ",".join("{id: {in: $i}}" for _ in range(25))
    roots = " ".join(f"a{n}: task(id: $t) {{ ...F }}" for n in range(4))
    fragment = f"fragment F on Task {{ subtasks(filter: {{and: [{repeated}]}}) {{ totalCount }} }}"
    document = f"query($i: [ID!], $t: ID!) {{ {roots} }} {fragment}"
    task = graphql_client.create("task", title="x")["id"]

    def run_with(ids: int) -> dict[str, Any]:
        return dict(graphql_client.post({"query": document, "variables": {"i": [task] * ids, "t": task}}))

    assert run_with(MAX_OPERATION_FILTER_MEMBERS // 100 - 5)["data"]["a3"] == {"subtasks": {"totalCount": 0}}
    (error,) = run_with(MAX_OPERATION_FILTER_MEMBERS // 100)["errors"]
    assert (error["extensions"]["code"], "10304 filter members" in error["message"]) == ("QUERY_TOO_COMPLEX", True)


def test_introspection_is_included_in_the_cost(graphql_client: GraphQLClient) -> None:
    types = "types { name fields { name args { name type { name ofType { name } } } } }"
    many = "{ __schema { " + " ".join(f"a{n}: {types}" for n in range(10)) + " } }"

    assert measure(many).cost > 10 * 20 * len(SCHEMA.type_map)
    assert graphql_client.run(f"{{ __schema {{ {types} }} }}")["__schema"]["types"]


def test_cost_is_returned_on_request(graphql_client: GraphQLClient) -> None:
    body = graphql_client.post({"query": "{ viewer { name } }", "extensions": {"cost": True}})
    read = graphql_client.http.get("/graphql", params={"query": "{ viewer { name } }", "extensions": '{"cost": true}'})

    assert body == {"data": {"viewer": {"name": "Someone"}}, "extensions": {"cost": {"requested": 2, "limit": MAX_COST}}}
    assert read.json() == body
    assert "extensions" not in graphql_client.post({"query": "{ viewer { name } }"})


@pytest.mark.parametrize("options", [{}, {"extensions": {"cost": True}}], ids=["plain", "with cost"])
@pytest.mark.parametrize(
    "document",
    [
        "{ tasks { nodes { " + "subtasks { nodes { " * 17 + "id" + " } }" * 17 + " } } }",
        "{ tasks { nodes { " + "subtasks { nodes { " * 60 + "id" + " } }" * 60 + " } } }",
        "{ ...F0 }"
        + "".join(f" fragment F{n} on Query {{ ... {{ ...F{n + 1} }} ... {{ ...F{n + 1} }} }}" for n in range(70))
        + " fragment F70 on Query { a: __typename tasks(filter: {or: [{}]}) { nodes { id } } }",
    ],
    ids=["deep", "deeper than the limit", "doubled"],
)
def test_amounts_beyond_64_bits_are_rejected_and_capped_in_the_error(
    graphql_client: GraphQLClient, document: str, options: dict[str, Any]
) -> None:
    response = graphql_client.http.post("/graphql", json={"query": document, **options})

    (error,) = response.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["status"]) == ("QUERY_TOO_COMPLEX", 422)
    assert error["extensions"]["cost"] == {"requested": MAX_REPORTED_AMOUNT, "limit": MAX_COST}
    assert all(int(number) <= MAX_REPORTED_AMOUNT for number in re.findall(r"\d+", error["message"]))


@pytest.mark.parametrize("digits", ["9" * 20, "9" * 5_000], ids=["beyond 64 bits", "beyond int()"])
@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("{{ tasks(first: {}) {{ nodes {{ id }} }} }}", "{{}}"),
        ("{{ tasks(filter: {{position: {{eq: {}}}}}) {{ nodes {{ id }} }} }}", "{{}}"),
        ("{{ tasks(filter: {{revision: {{in: [{}]}}}}) {{ nodes {{ id }} }} }}", "{{}}"),
        ('mutation {{ createTask(input: {{title: "x", position: {}}}) {{ task {{ position }} }} }}', "{{}}"),
        ("query($n: Int) {{ tasks(first: $n) {{ nodes {{ id }} }} }}", '{{"n": {}}}'),
        ("query($n: Float) {{ tasks(filter: {{position: {{eq: $n}}}}) {{ nodes {{ id }} }} }}", '{{"n": {}}}'),
    ],
)
def test_number_beyond_64_bits_is_no_internal_error(
    graphql_client: GraphQLClient, document: str, variables: str, digits: str
) -> None:
    query = orjson.dumps(document.format(digits)).decode()
    body = f'{{"query": {query}, "variables": {variables.format(digits)}, "extensions": {{"cost": true}}}}'
    response = graphql_client.http.post("/graphql", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code < 500
    assert not {"INTERNAL"} & {error["extensions"]["code"] for error in response.json().get("errors", ())}


def test_cost_model_type_name_conventions_hold() -> None:
    """The cost model recognizes Connection, Edge and Payload types by name."""
    schema = parse_schema(build_schema().as_str())
    for name, kind in schema.type_map.items():
        if "pageInfo" in getattr(kind, "fields", {}):
            assert name.endswith("Connection")


def test_cost_advice_ignores_empty_pages() -> None:
    repeated = " ".join(f"a{number}: totalCount" for number in range(50))
    complexity = measure(f"{{ tasks(first: 0) {{ {repeated} nodes {{ subtasks {{ nodes {{ id }} }} }} }} }}")

    with pytest.raises(QueryTooComplex, match="Select fewer fields"):
        check_complexity(complexity, 10)


def test_cost_error_suggests_the_number_of_bulk_rows() -> None:
    document = "mutation($new: [CreateTaskInput!]!) { mine: createTasks(inputs: $new) { tasks { id title } } }"

    def cost(rows: int) -> Complexity:
        return measure(document, new=[{"title": "x"}] * rows)

    with pytest.raises(QueryTooComplex) as error:
        check_complexity(cost(500), 100_000)
    assert str(error.value).endswith("The costliest field is mine; its largest allowed number of rows is 95, not 500.")
    check_complexity(cost(95), 100_000)
    with pytest.raises(QueryTooComplex):
        check_complexity(cost(96), 100_000)


def test_response_text_size_is_limited(graphql_client: GraphQLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text can be selected under 200 aliases: a request of 2 KB produced a response of 85 MB."""
    monkeypatch.setattr(budget, "MAX_TEXT_BYTES", 1000)
    task = graphql_client.create("task", title="x" * 10, description="y" * 90)
    for _ in range(2):
        graphql_client.comment(task["id"], "z" * 100)
    comments = "parent { id } comments { nodes { one: body two: body } }"  # 400

    def run_with(*fields: str) -> dict[str, Any]:
        roots = " ".join(f"a{number}: task(id: $id) {{ {field} }}" for number, field in enumerate(fields))
        return dict(graphql_client.post({"query": f"query($id: ID!) {{ {roots} }}", "variables": {"id": task["id"]}}))

    for _ in range(3):
        assert "errors" not in run_with(comments, comments, "title description a: description")
        body = run_with(comments, comments, "title description a: description b: title c: title")
        assert (body["data"]["a2"], body["errors"][0]["extensions"]["code"]) == (None, "QUERY_TOO_COMPLEX")


def test_discarded_cached_result_does_not_count_towards_the_text_limit(
    graphql_client: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a part of a cached query fails, the query is read once more."""
    monkeypatch.setattr(budget, "MAX_TEXT_BYTES", 1000)
    remaining, deleted = (graphql_client.create("task", title="x", description="y" * 600)["id"] for _ in range(2))
    document = """query($remaining: ID!, $deleted: ID!) {
        remaining: task(id: $remaining) { description } deleted: task(id: $deleted) { title } }"""
    for _ in range(2):
        assert graphql_client.run(document, remaining=remaining, deleted=deleted)["deleted"] == {"title": "x"}
    graphql_client.delete("task", deleted)

    body = graphql_client.post({"query": document, "variables": {"remaining": remaining, "deleted": deleted}})

    assert body["data"] == {"remaining": {"description": "y" * 600}, "deleted": None}


def test_mutation_fields_share_the_response_text_limit(graphql_client: GraphQLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_TEXT_BYTES", 1000)
    tasks = [graphql_client.create("task", title="x", description="y" * 400)["id"] for _ in range(3)]
    fields = " ".join(f'a{n}: completeTask(id: "{id_}") {{ task {{ description }} }}' for n, id_ in enumerate(tasks))

    body = graphql_client.post({"query": f"mutation {{ {fields} }}"})

    assert [error["path"] for error in body["errors"]] == [["a2"]]
    assert [graphql_client.get("task", id_)["completed"] for id_ in tasks] == [True, True, False]


def test_shared_rows_count_per_occurrence(rest_client: RestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_TEXT_BYTES", 1000)
    home = rest_client.create("list", name="n" * 100)["id"]
    for _ in range(9):
        rest_client.create("task", title="x", list_id=home)

    assert len(rest_client.page("task", include="list")) == 9
    rest_client.create("task", title="x", list_id=home)
    with pytest.raises(ApiError) as error:
        rest_client.page("task", include="list")
    assert error.value.code == "QUERY_TOO_COMPLEX"
