"""GraphQL over HTTP: media types, status codes, invalid requests and cross-site requests."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from graphql_schema.documents.operation_cache import MAX_DOCUMENT_CHARACTERS, MAX_TOKENS
from tests.support.api_clients import GraphQLClient
from tests.support.service import RunningService
from tests.support.users import TestUser

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
CREATE = 'mutation { createTask(input: {title: "x"}) { task { id } } }'
COSTLY = "{ lists(first: 500) { nodes { tasks(first: 500) { nodes { id a: id b: id c: id d: id e: id f: id g: id } } } } }"


@pytest.fixture(scope="module")
def read_only_client(service: RunningService) -> Iterator[GraphQLClient]:
    """A GraphQL client for tests that must not write; at the end, checks that its user has no task."""
    with GraphQLClient(service.url, TestUser.register(service.url).token) as client:
        yield client
        assert client.page("task") == []


def post(read_only_client: GraphQLClient, body: Any, **headers: str) -> httpx.Response:
    return read_only_client.http.post(
        "/graphql", json=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        ("APPLICATION/GRAPHQL-RESPONSE+JSON", GRAPHQL_JSON),
        ("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", GRAPHQL_JSON),
        ('application/graphql-response+json;charset="UTF-8"', GRAPHQL_JSON),
        ("application/graphql-response+json;charset=latin-1, application/json;q=0.1", JSON),
        ("application/graphql-response+json,application/json;q=0.9", GRAPHQL_JSON),
        ("application/graphql-response+json;q=0.8, application/json;q=0.9", JSON),
        ("application/json, application/graphql-response+json", JSON),
        ("application/graphql-response+json, application/json", GRAPHQL_JSON),
        ("*/*, application/graphql-response+json", GRAPHQL_JSON),
        ("application/json;q=0.5, */*", GRAPHQL_JSON),
        ("application/json;q=0, */*;q=0.1", GRAPHQL_JSON),
        ("application/graphql-response+json;q=0, application/*", JSON),
        ("application/graphql-response+json;q=2, application/json", JSON),
        ("application/graphql-response+json;q=x, application/json", JSON),
        ("application/graphql-response+json ; Q=0.001 , application/json;q=0.000", GRAPHQL_JSON),
        ("multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json", GRAPHQL_JSON),
        ("application/json, multipart/mixed", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", JSON),
        ("text/csv, " * 200 + GRAPHQL_JSON, GRAPHQL_JSON),
        (";;,,=,q=1", None),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/jsonfoo, application/graphql+json", None),
    ],
)
def test_accept_header_selects_the_media_type(read_only_client: GraphQLClient, accept: str, media_type: str | None) -> None:
    response = post(read_only_client, {"query": CREATE if media_type is None else "{ __typename }"}, accept=accept)

    if media_type is None:
        assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (406, "NOT_ACCEPTABLE")
        assert read_only_client.page("task") == []
    else:
        assert (response.status_code, response.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
    assert {"Accept", "Authorization"} <= set(response.headers["vary"].split(", "))


def test_repeated_accept_headers_are_combined(read_only_client: GraphQLClient) -> None:
    parameters = [("Accept", "text/html"), ("Accept", GRAPHQL_JSON), ("Content-Type", JSON)]
    response = read_only_client.http.post("/graphql", content=b'{"query": "{ __typename }"}', headers=parameters)

    assert response.headers["content-type"].startswith(GRAPHQL_JSON)


@pytest.mark.parametrize(
    ("body", "graphql_status", "json_status"),
    [
        ({"query": "{ viewer { id } }"}, 200, 200),
        ({"query": '{ viewer { id } task(id: "x") { id } }'}, 294, 200),
        ({"query": 'mutation { deleteTask(id: "x") { id } }'}, 294, 200),
        ({"query": "{"}, 400, 200),
        ({"query": "#" * (MAX_DOCUMENT_CHARACTERS + 1)}, 400, 200),
        ({"query": "{ nope }"}, 422, 200),
        ({"query": "{ tasks(first: 501) { totalCount } }"}, 294, 200),
        ({"query": "query A { __typename } query B { __typename }"}, 422, 200),
        ({"query": "query A { __typename }", "operationName": "B"}, 422, 200),
        ({"query": "query($n: Int!) { tasks(first: $n) { totalCount } }"}, 422, 200),
        ({"query": "query($n: Int!) { tasks(first: $n) { totalCount } }", "variables": {"n": "x"}}, 422, 200),
        ({"query": COSTLY}, 422, 200),
        ({"query": "{ __typename }", "variables": []}, 422, 400),
        ({"qeury": "{ __typename }"}, 422, 400),
    ],
)
def test_status_codes_follow_the_media_type(
    read_only_client: GraphQLClient, body: Any, graphql_status: int, json_status: int
) -> None:
    responses = {media_type: post(read_only_client, body, accept=media_type) for media_type in (GRAPHQL_JSON, JSON)}

    for media_type, status in ((GRAPHQL_JSON, graphql_status), (JSON, json_status)):
        response = responses[media_type]
        assert (response.status_code, response.headers["content-type"]) == (status, f"{media_type}; charset=utf-8")
        assert ("data" in response.json()) is (graphql_status < 300)
    assert responses[JSON].json() == responses[GRAPHQL_JSON].json()


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"query": "{ __typename }", "variables": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
        b"\xff",
        b"\xef\xbb\xbf{}",
        '{"query": "{ __typename }"}'.encode("utf-16"),
        b'{"query": "\\ud800"}',
        b'{"query": "{ __typename }", "variables": {"a": "\\udfff"}}',
        b'{"query": "{ __typename }", "variables": {"a": NaN}}',
        b'{"query": "{ __typename }", "variables": {"a": Infinity}}',
        b'{"query": "{ __typename }", "variables": {"a": 1e999}}',
    ],
)
def test_invalid_json_returns_400(read_only_client: GraphQLClient, body: bytes, accept: str) -> None:
    response = read_only_client.http.post("/graphql", content=body, headers={"Content-Type": JSON, "Accept": accept})

    assert response.status_code == 400
    assert_invalid(response)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (None, ""),
        (5, ""),
        ("{ viewer { id } }", ""),
        ([1], ""),
        ([{"query": "{ viewer { id } }"}], ""),
        ({}, "/query"),
        ({"query": None}, "/query"),
        ({"query": 5}, "/query"),
        ({"query": {"obj": "ect"}}, "/query"),
        ({"query": ""}, "/query"),
        ({"query": " \n"}, "/query"),
        ({"query": "{ __typename }", "variables": []}, "/variables"),
        ({"query": "{ __typename }", "variables": "x"}, "/variables"),
        ({"query": "{ __typename }", "operationName": 5}, "/operationName"),
        ({"query": "{ __typename }", "extensions": "x"}, "/extensions"),
        ({"query": "{ __typename }", "extensions": 0}, "/extensions"),
        ({"documentId": 5}, "/documentId"),
    ],
)
def test_invalid_graphql_request_returns_pointer(read_only_client: GraphQLClient, body: Any, pointer: str) -> None:
    for accept, status in ((JSON, 400), (GRAPHQL_JSON, 422)):
        headers = {"Content-Type": JSON, "Accept": accept}
        response = read_only_client.http.post("/graphql", content=json.dumps(body), headers=headers)
        assert response.status_code == status
        assert [validation_error["pointer"] for validation_error in assert_invalid(response)["errors"]] == [pointer]


def assert_invalid(response: httpx.Response) -> dict[str, Any]:
    """Check that the response has errors and no data; return the extensions of the first error."""
    body = response.json()
    assert body.keys() == {"errors"}
    for error in body["errors"]:
        assert error["message"]
        assert error["extensions"]["code"] == "INVALID_INPUT"
    return dict(body["errors"][0]["extensions"])


def test_unknown_request_keys_are_ignored(read_only_client: GraphQLClient) -> None:
    request = {"query": "{ __typename }", "variables": None, "operationName": None, "extensions": None, "documentId": None}

    assert post(read_only_client, request | {"id": 5, "doc_id": "x"}).json() == {"data": {"__typename": "Query"}}
    assert post(read_only_client, {"query": "{ __typename }", "operationName": "", "variables": {"unused": 1}}).json() == {
        "data": {"__typename": "Query"}
    }


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "{}",
        "query {}",
        "{ viewer {} }",
        "{ viewer { ... {} } }",
        "{ nope }",
        "{ viewer }",
        "{ __typename } { __typename }",
        "query A { __typename } query A { __typename }",
        "{ tasks(first: 10000000000000000000000) { nodes { id } } }",
        "{ tasks(filter: {createdAt: {lt: 5}}) { nodes { id } } }",
        "query($x: Int!) { tasks(first: $x) { nodes { id } } }",
        "query A { viewer { id } } mutation B { deleteAccount { id } }",
        "{ a" * 50_000,
        "{ viewer " * 300 + "}" * 300,
        "{ viewer { " + "id " * 3000 + "} }",
        "subscription { x }",
        "type Task { id: ID }",
        '{ tasks(search: "\\ud800") { totalCount } }',
        '{ tasks(search: "\\uDFFF\\uD800") { totalCount } }',
        '{ tasks(search: "\\u{110000}") { totalCount } }',
        "fragment F on Task { ...F } { tasks { nodes { ...F } } }",
        "\ufeff",
        "\x00",
        "{ __typename \ud83d\ude00 }".encode("utf-16", "surrogatepass").decode("utf-16"),
    ],
)
def test_invalid_operation_returns_errors_without_data(read_only_client: GraphQLClient, document: str) -> None:
    assert_invalid(post(read_only_client, {"query": document}))


@pytest.mark.parametrize("depth", [100, 200, 250, 300, 900])
@pytest.mark.parametrize(("before", "after"), [('{"not": ', "}"), ('{"and": [', "]}"), ("[", "]")])
def test_deeply_nested_variables_never_crash(read_only_client: GraphQLClient, depth: int, before: str, after: str) -> None:
    document = "query($f: TaskFilter) { tasks(filter: $f) { totalCount } }"
    body = f'{{"query": "{document}", "variables": {{"f": {before * depth}{{}}{after * depth}}}}}'
    response = read_only_client.http.post(
        "/graphql", content=body.encode(), headers={"Content-Type": JSON, "Accept": GRAPHQL_JSON}
    )

    assert response.status_code in {200, 294, 400, 422}
    for error in response.json().get("errors", []):
        assert error["extensions"]["code"] in {"INVALID_INPUT", "QUERY_TOO_COMPLEX"}


def test_document_token_count_is_limited(read_only_client: GraphQLClient) -> None:
    # One string is one token; the rest of the document has 20.
    def send_tokens(tokens: int) -> str:
        texts = '"a" ' * (tokens - 20)
        return str(
            post(read_only_client, {"query": f"{{ tasks(filter: {{title: {{in: [{texts}]}}}}) {{ totalCount }} }}"}).json()[
                "errors"
            ]
        )

    assert "tokens" not in send_tokens(MAX_TOKENS)
    assert f"more than {MAX_TOKENS} tokens" in send_tokens(MAX_TOKENS + 1)


@pytest.mark.parametrize(
    "document",
    [
        "{ viewer { " + "id " * 1000 + "} }",
        "{ " + " ".join(f"tasks(first: {number}) {{ totalCount }}" for number in range(500)) + " }",
        "{ viewer { ...F0 } } " + " ".join(f"fragment F{n} on Viewer {{ id ...F{n + 1} }}" for n in range(250)),
    ],
)
def test_overly_complex_document_is_rejected(read_only_client: GraphQLClient, document: str) -> None:
    (error,) = post(read_only_client, {"query": document}).json()["errors"]

    assert "too complex" in error["message"]


def test_operation_name_selects_the_operation(read_only_client: GraphQLClient) -> None:
    document = f"query A {{ __typename }} {CREATE.replace('mutation', 'mutation B')}"

    assert read_only_client.post({"query": document, "operationName": "A"}) == {"data": {"__typename": "Query"}}
    assert "data" not in read_only_client.post({"query": document, "operationName": "C"})
    assert read_only_client.page("task") == []


def test_get_and_head_execute_queries(read_only_client: GraphQLClient) -> None:
    document = "query A { __typename } query B($n: Int) { tasks(first: $n) { totalCount } }"
    parameters = {"query": document, "operationName": "B", "variables": '{"n": 1}', "extensions": "{}", "unknown": "x"}
    read = read_only_client.http.get("/graphql", params=parameters)
    head = read_only_client.http.head("/graphql", params=parameters)

    assert read.json() == {"data": {"tasks": {"totalCount": 0}}}
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", read.headers["content-length"])
    empty = {"query": "{ __typename }", "operationName": "", "variables": "", "extensions": ""}
    assert read_only_client.http.get("/graphql", params=empty).json() == {"data": {"__typename": "Query"}}
    for name in ("variables", "extensions"):
        for value in ("{", "[1]", "5", '"x"', '{"a": NaN}', '{"a": "\\ud800"}', "%ff"):
            assert read_only_client.http.get("/graphql", params={"query": "{ __typename }", name: value}).status_code == 400
    assert read_only_client.http.get("/graphql?query=%ff%ed%a0%80").json().keys() == {"errors"}


@pytest.mark.parametrize("accept", ["", "*/*", JSON, "text/html, */*;q=0.8", "image/avif,image/webp,image/svg+xml,*/*;q=0.8"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_get_never_executes_mutations(read_only_client: GraphQLClient, method: str, accept: str) -> None:
    """A form, a link or an image of another site can make a browser send these requests."""
    for parameters in (
        {"query": CREATE},
        {"query": f"query A {{ __typename }} {CREATE.replace('mutation', 'mutation B')}", "operationName": "B"},
    ):
        response = read_only_client.http.request(method, "/graphql", params=parameters, headers={"Accept": accept})
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert read_only_client.page("task") == []


@pytest.mark.parametrize("body", [json.dumps({"query": CREATE}).encode(), b"", f"query={CREATE}".encode()])
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/plain;charset=UTF-8",
        "text/plain; application/json",
        "text/plain, application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonfoo",
        "application/graphql",
        "text/json",
        "*/*",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-8; charset=latin-1",
        "x" * 5000,
        "",
        None,
    ],
)
def test_content_type_other_than_utf8_json_returns_415(
    read_only_client: GraphQLClient, content_type: str | None, body: bytes
) -> None:
    """The first few media types need no CORS preflight."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = read_only_client.http.post("/graphql", content=body, headers=headers)

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert read_only_client.page("task") == []


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        'application/json ; Charset="UTF-8"',
        "application/json; charset=utf8",
        "application/json; profile=x",
        "application/json;",
    ],
)
def test_json_content_type_variants_are_accepted(read_only_client: GraphQLClient, content_type: str) -> None:
    body = '{"query": "{ t: tasks(search: \\"Ünïcödé 🏃\\") { totalCount } }"}'.encode()
    response = read_only_client.http.post("/graphql", content=body, headers={"Content-Type": content_type})

    assert response.json() == {"data": {"t": {"totalCount": 0}}}


def test_unsupported_methods_return_405(read_only_client: GraphQLClient) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        response = read_only_client.http.request(method, "/graphql", json={"query": CREATE})
        assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST")
    assert read_only_client.page("task") == []
