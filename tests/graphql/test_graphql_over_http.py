"""GraphQL over HTTP: media types, status codes, invalid requests and cross-site requests."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from graphql_schema.repertoire import MAX_DOCUMENT, MAX_TOKENS
from tests.support.api_clients import GraphQLClient
from tests.support.service import RunningService
from tests.support.users import TestUser

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
CREATE = 'mutation { createTask(input: {title: "x"}) { task { id } } }'
COSTLY = "{ lists(first: 500) { nodes { tasks(first: 500) { nodes { id a: id b: id c: id d: id e: id f: id g: id } } } } }"


@pytest.fixture(scope="module")
def web(service: RunningService) -> Iterator[GraphQLClient]:
    """A GraphQL client whose user must not get any task: no test here may write."""
    with GraphQLClient(service.url, TestUser.register(service.url).token) as client:
        yield client
        assert client.page("task") == []


def post(web: GraphQLClient, body: Any, **headers: str) -> httpx.Response:
    return web.http.post("/graphql", json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("accept", "spoken"),
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
def test_accept_header_selects_the_media_type(web: GraphQLClient, accept: str, spoken: str | None) -> None:
    answer = post(web, {"query": CREATE if spoken is None else "{ __typename }"}, accept=accept)

    if spoken is None:
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (406, "NOT_ACCEPTABLE")
        assert web.page("task") == []
    else:
        assert (answer.status_code, answer.headers["content-type"]) == (200, f"{spoken}; charset=utf-8")
    assert {"Accept", "Authorization"} <= set(answer.headers["vary"].split(", "))


def test_repeated_accept_headers_are_combined(web: GraphQLClient) -> None:
    given = [("Accept", "text/html"), ("Accept", GRAPHQL_JSON), ("Content-Type", JSON)]
    answer = web.http.post("/graphql", content=b'{"query": "{ __typename }"}', headers=given)

    assert answer.headers["content-type"].startswith(GRAPHQL_JSON)


@pytest.mark.parametrize(
    ("body", "graphql_status", "json_status"),
    [
        ({"query": "{ viewer { id } }"}, 200, 200),
        ({"query": '{ viewer { id } task(id: "x") { id } }'}, 294, 200),
        ({"query": 'mutation { deleteTask(id: "x") { id } }'}, 294, 200),
        ({"query": "{"}, 400, 200),
        ({"query": "#" * (MAX_DOCUMENT + 1)}, 400, 200),
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
def test_status_codes_follow_the_media_type(web: GraphQLClient, body: Any, graphql_status: int, json_status: int) -> None:
    answers = {media_type: post(web, body, accept=media_type) for media_type in (GRAPHQL_JSON, JSON)}

    for media_type, status in ((GRAPHQL_JSON, graphql_status), (JSON, json_status)):
        answer = answers[media_type]
        assert (answer.status_code, answer.headers["content-type"]) == (status, f"{media_type}; charset=utf-8")
        assert ("data" in answer.json()) is (graphql_status < 300)
    assert answers[JSON].json() == answers[GRAPHQL_JSON].json()


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
def test_invalid_json_returns_400(web: GraphQLClient, body: bytes, accept: str) -> None:
    answer = web.http.post("/graphql", content=body, headers={"Content-Type": JSON, "Accept": accept})

    assert answer.status_code == 400
    assert_invalid(answer)


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
def test_invalid_graphql_request_returns_pointer(web: GraphQLClient, body: Any, pointer: str) -> None:
    for accept, status in ((JSON, 400), (GRAPHQL_JSON, 422)):
        headers = {"Content-Type": JSON, "Accept": accept}
        answer = web.http.post("/graphql", content=json.dumps(body), headers=headers)
        assert answer.status_code == status
        assert [flaw["pointer"] for flaw in assert_invalid(answer)["errors"]] == [pointer]


def assert_invalid(answer: httpx.Response) -> dict[str, Any]:
    """Check that the response has errors and no data; return the extensions of the first error."""
    body = answer.json()
    assert body.keys() == {"errors"}
    for error in body["errors"]:
        assert error["message"]
        assert error["extensions"]["code"] == "INVALID_INPUT"
    return dict(body["errors"][0]["extensions"])


def test_unknown_request_keys_are_ignored(web: GraphQLClient) -> None:
    members = {"query": "{ __typename }", "variables": None, "operationName": None, "extensions": None, "documentId": None}

    assert post(web, members | {"id": 5, "doc_id": "x"}).json() == {"data": {"__typename": "Query"}}
    assert post(web, {"query": "{ __typename }", "operationName": "", "variables": {"unused": 1}}).json() == {
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
        '{ tasks(filter: {createdAt: {lt: "x"}}) { nodes { id } } }',
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
def test_invalid_operation_returns_errors_without_data(web: GraphQLClient, document: str) -> None:
    assert_invalid(post(web, {"query": document}))


@pytest.mark.parametrize("depth", [100, 200, 250, 300, 900])
@pytest.mark.parametrize(("before", "after"), [('{"not": ', "}"), ('{"and": [', "]}"), ("[", "]")])
def test_deeply_nested_variables_never_crash(web: GraphQLClient, depth: int, before: str, after: str) -> None:
    document = "query($f: TaskFilter) { tasks(filter: $f) { totalCount } }"
    body = f'{{"query": "{document}", "variables": {{"f": {before * depth}{{}}{after * depth}}}}}'
    answer = web.http.post("/graphql", content=body.encode(), headers={"Content-Type": JSON, "Accept": GRAPHQL_JSON})

    assert answer.status_code in {200, 294, 400, 422}
    for error in answer.json().get("errors", []):
        assert error["extensions"]["code"] in {"INVALID_INPUT", "QUERY_TOO_COMPLEX"}


def test_document_token_count_is_limited(web: GraphQLClient) -> None:
    # One string is one token; the rest of the document has 20.
    def errors(tokens: int) -> str:
        texts = '"a" ' * (tokens - 20)
        return str(post(web, {"query": f"{{ tasks(filter: {{title: {{in: [{texts}]}}}}) {{ totalCount }} }}"}).json()["errors"])

    assert "tokens" not in errors(MAX_TOKENS)
    assert f"more than {MAX_TOKENS} tokens" in errors(MAX_TOKENS + 1)


@pytest.mark.parametrize(
    "document",
    [
        "{ viewer { " + "id " * 1000 + "} }",
        "{ " + " ".join(f"tasks(first: {number}) {{ totalCount }}" for number in range(500)) + " }",
        "{ viewer { ...F0 } } " + " ".join(f"fragment F{n} on Viewer {{ id ...F{n + 1} }}" for n in range(250)),
    ],
)
def test_overly_complex_document_is_rejected(web: GraphQLClient, document: str) -> None:
    (error,) = post(web, {"query": document}).json()["errors"]

    assert "too intricate" in error["message"]


def test_operation_name_selects_the_operation(web: GraphQLClient) -> None:
    document = f"query A {{ __typename }} {CREATE.replace('mutation', 'mutation B')}"

    assert web.post({"query": document, "operationName": "A"}) == {"data": {"__typename": "Query"}}
    assert "data" not in web.post({"query": document, "operationName": "C"})
    assert web.page("task") == []


def test_get_and_head_execute_queries(web: GraphQLClient) -> None:
    document = "query A { __typename } query B($n: Int) { tasks(first: $n) { totalCount } }"
    given = {"query": document, "operationName": "B", "variables": '{"n": 1}', "extensions": "{}", "unknown": "x"}
    read = web.http.get("/graphql", params=given)
    head = web.http.head("/graphql", params=given)

    assert read.json() == {"data": {"tasks": {"totalCount": 0}}}
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", read.headers["content-length"])
    empty = {"query": "{ __typename }", "operationName": "", "variables": "", "extensions": ""}
    assert web.http.get("/graphql", params=empty).json() == {"data": {"__typename": "Query"}}
    for name in ("variables", "extensions"):
        for value in ("{", "[1]", "5", '"x"', '{"a": NaN}', '{"a": "\\ud800"}', "%ff"):
            assert web.http.get("/graphql", params={"query": "{ __typename }", name: value}).status_code == 400
    assert web.http.get("/graphql?query=%ff%ed%a0%80").json().keys() == {"errors"}


@pytest.mark.parametrize("accept", ["", "*/*", JSON, "text/html, */*;q=0.8", "image/avif,image/webp,image/svg+xml,*/*;q=0.8"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_get_never_executes_mutations(web: GraphQLClient, method: str, accept: str) -> None:
    """Requests that a form, a link or an image of another site can make a browser send."""
    for given in (
        {"query": CREATE},
        {"query": f"query A {{ __typename }} {CREATE.replace('mutation', 'mutation B')}", "operationName": "B"},
    ):
        answer = web.http.request(method, "/graphql", params=given, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert web.page("task") == []


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
def test_content_type_other_than_utf8_json_returns_415(web: GraphQLClient, content_type: str | None, body: bytes) -> None:
    """The first few media types need no CORS preflight."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = web.http.post("/graphql", content=body, headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert web.page("task") == []


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
def test_json_content_type_variants_are_accepted(web: GraphQLClient, content_type: str) -> None:
    body = '{"query": "{ t: tasks(search: \\"Ünïcödé 🏃\\") { totalCount } }"}'.encode()
    answer = web.http.post("/graphql", content=body, headers={"Content-Type": content_type})

    assert answer.json() == {"data": {"t": {"totalCount": 0}}}


def test_unsupported_methods_return_405(web: GraphQLClient) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        answer = web.http.request(method, "/graphql", json={"query": CREATE})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert web.page("task") == []
