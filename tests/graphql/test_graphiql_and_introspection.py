"""GraphiQL, API docs and introspection, enabled and disabled."""

import base64
import hashlib
import re
from collections.abc import Iterator

import httpx
import pytest
from graphql import get_introspection_query

from tests.support.api_clients import TLS, GraphQLClient
from tests.support.service import PostgresServer, RunningService, run_service, settings_for
from tests.support.users import TestUser

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.fixture(scope="module")
def closed_service(postgres: PostgresServer) -> Iterator[RunningService]:
    """A service with GraphiQL, API docs and introspection disabled."""
    database = postgres.copy("template_todo")
    with run_service(settings_for(database, graphql_introspection=False, docs_enabled=False), database) as running:
        yield running


@pytest.fixture(scope="module")
def closed_client(closed_service: RunningService) -> Iterator[GraphQLClient]:
    """A GraphQL client of the service with introspection disabled."""
    with GraphQLClient(closed_service.url, TestUser.register(closed_service.url).token) as client:
        yield client


@pytest.fixture(scope="module")
def open_client(service: RunningService) -> Iterator[GraphQLClient]:
    """A GraphQL client of the service with default settings."""
    with GraphQLClient(service.url, TestUser.register(service.url).token) as client:
        yield client


def get(service: RunningService, path: str, accept: str = BROWSER, method: str = "GET") -> httpx.Response:
    return httpx.request(method, f"{service.url}{path}", headers={"Accept": accept}, verify=TLS)


@pytest.mark.parametrize("accept", [BROWSER, "text/html", "text/html,application/xhtml+xml", "text/*, application/json;q=0.9"])
def test_browser_receives_the_graphiql_page(service: RunningService, accept: str) -> None:
    response = get(service, "/graphql", accept)

    assert response.headers["content-type"].startswith("text/html")
    assert "Accept" in response.headers["vary"]
    assert "graphiql" in response.text.lower()
    assert get(service, "/graphql", accept, "HEAD").headers["content-type"] == response.headers["content-type"]


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/graphql", "*/*"),
        ("/graphql", "application/json"),
        ("/graphql", "application/json, text/html;q=0.9"),
        ("/graphql?query={__typename}", BROWSER),
        ("/graphql?documentId=x", BROWSER),
        ('/graphql?extensions={"persistedQuery":{}}', BROWSER),
    ],
)
def test_other_clients_receive_json(service: RunningService, path: str, accept: str) -> None:
    assert get(service, path, accept).headers["content-type"] == "application/json; charset=utf-8"


def test_graphiql_uses_only_local_files_with_integrity_hashes(service: RunningService) -> None:
    page = get(service, "/graphql").text
    files = re.findall(r'(?:src|href)="(/graphql/files/[^"]+)"\s+integrity="sha256-([^"]+)"', page)

    assert len(files) == len(re.findall(r"<script\s+src|stylesheet", page)) == 6
    for address, digest in files:
        assert base64.b64encode(hashlib.sha256(get(service, address).content).digest()).decode() == digest


def test_graphiql_and_docs_can_be_disabled(closed_service: RunningService, service: RunningService) -> None:
    for path in ("/docs", "/docs/files/swagger-ui.css", "/graphql/files/style.css"):
        assert (get(service, path).status_code, get(closed_service, path).status_code) == (200, 404)
    for accept in (BROWSER, "text/html", "*/*", "application/json"):
        response = get(closed_service, "/graphql", accept)
        assert (response.status_code, response.headers["content-type"]) == (400, "application/json; charset=utf-8")
        assert response.json()["errors"][0]["message"].startswith("Send a GraphQL document")


@pytest.mark.parametrize(
    "document",
    [
        "{ __schema { queryType { name } } }",
        '{ __type(name: "Task") { name } }',
        '{ a: __type(name: "Task") { b: fields { c: name } } }',
        "{ ... { __schema { types { name } } } }",
        "{ ... on Query { s: __schema { types { name } } } }",
        "{ ...F } fragment F on Query { ...G } fragment G on Query { __schema { types { ...H } } } fragment H on __Type { name }",
        "query($no: Boolean = false) { __typename s: __schema @include(if: $no) { description } }",
        "mutation M { __typename } query Q { __schema { description } }",
        get_introspection_query(),
    ],
)
def test_introspection_can_be_disabled(closed_client: GraphQLClient, open_client: GraphQLClient, document: str) -> None:
    body = closed_client.post({"query": document, "operationName": "Q"} if "query Q" in document else {"query": document})

    assert "data" not in body
    assert {error["extensions"]["code"] for error in body["errors"]} == {"INVALID_INPUT"}
    assert "introspection has been disabled" in body["errors"][0]["message"]
    assert "errors" not in open_client.post(
        {"query": document, "operationName": "Q"} if "query Q" in document else {"query": document}
    )


def test_one_of_can_be_selected_on_every_type(open_client: GraphQLClient) -> None:
    types = "{ __schema { types { isOneOf fields { type { isOneOf ofType { isOneOf } } } inputFields { type { isOneOf } } } } }"

    assert open_client.post({"query": types}).keys() == {"data"}


def test_typename_works_without_introspection(closed_client: GraphQLClient) -> None:
    data = closed_client.run("{ __typename viewer { t: __typename } ... on Query { tasks { __typename nodes { __typename } } } }")

    assert data == {"__typename": "Query", "viewer": {"t": "Viewer"}, "tasks": {"__typename": "TaskConnection", "nodes": []}}


MISSPELLED = [
    ("{ viewr { id } }", {}),
    ("{ viewer { nam } }", {}),
    ("{ node(id: 1) { title } }", {}),
    ("{ tasks(frst: 1) { totalCount } }", {}),
    ("{ __typename @skip(fi: true) }", {}),
    ("fragment F on Tsk { id } { __typename ...F }", {}),
    ("query($f: TaskFlter) { tasks(filter: $f) { totalCount } }", {}),
    ("{ tasks(filter: {titel: {eq: 1}}) { totalCount } }", {}),
    ("{ tasks(filter: {status: {eq: PENDIN}}) { totalCount } }", {}),
    ('{ tasks(filter: {status: {eq: "PENDING"}}) { totalCount } }', {}),
    ("query($f: TaskFilter) { tasks(filter: $f) { totalCount } }", {"f": {"titel": {}}}),
    ("query($f: TaskFilter) { tasks(filter: $f) { totalCount } }", {"f": {"status": {"eq": "PENDIN"}}}),
    ("mutation($i: CreateTaskInput!) { createTask(input: $i) { task { id } } }", {"i": {"title": "x", "priorty": "HIGH"}}),
    ("mutation($i: CreateTaskInput!) { createTask(input: $i) { task { id } } }", {"i": {"title": "x", "priority": "HIG"}}),
    ("mutation { createTsk { id } }", {}),
]


@pytest.mark.parametrize(("document", "variables"), MISSPELLED)
def test_no_suggestions_without_introspection(
    closed_client: GraphQLClient, open_client: GraphQLClient, document: str, variables: dict[str, object]
) -> None:
    def messages(client: GraphQLClient) -> str:
        body = client.post({"query": document, "variables": variables})
        return " ".join(error["message"] for error in body["errors"])

    shown, hidden = messages(open_client), messages(closed_client)

    assert "Did you mean" in shown
    assert "did you mean" not in hidden.lower()
    assert len(hidden) > 10


def test_queries_work_without_introspection_and_graphiql(closed_client: GraphQLClient) -> None:
    closed_client.create("task", title="x")

    assert [task["title"] for task in closed_client.page("task")] == ["x"]
