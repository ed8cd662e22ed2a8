"""Errors do not repeat long texts of the client: names, values, paths, headers."""

import json
from urllib.parse import quote

import pytest

from services.errors import shorten
from tests.support.api_clients import GraphQLClient, RestClient

MAX_RESPONSE = 5000  # characters; the largest limit of one text is 2,000
LONG = "x" * 200_000
LONG_IN_URL = "x" * 20_000
WORDS = "long words " * 18_000

REST_BODIES = {
    "unknown field": {"title": "x", LONG: 1},
    "unknown field with spaces and slashes": {"title": "x", "a/b " * 50_000: 1},
    "many unknown fields": {"title": "x", **{f"name_{number}": 1 for number in range(20_000)}},
    "enum value": {"title": "x", "status": LONG},
    "id": {"title": "x", "list_id": LONG},
    "time": {"title": "x", "completed": LONG},
    "number": {"title": "x", "position": WORDS},
    "title": {"title": WORDS},
}


@pytest.mark.parametrize("body", REST_BODIES.values(), ids=REST_BODIES)
def test_rest_error_about_a_long_text_in_the_body_is_short(rest_client: RestClient, body: dict[str, object]) -> None:
    response = rest_client.http.post("/api/me/tasks", json=body)

    assert response.status_code == 422
    limit = 100_000 if len(body) > 1000 else MAX_RESPONSE  # one short error for each of 500 fields
    assert len(response.text) < limit


REST_REQUESTS = {
    "path": ("GET", f"/{LONG_IN_URL}", {}, 404),
    "user id": ("GET", f"/api/{LONG_IN_URL}/tasks", {}, 403),
    "id": ("GET", f"/api/me/tasks/{LONG_IN_URL}", {}, 422),
    "query parameter": ("GET", f"/api/me/tasks?{LONG_IN_URL}=1", {}, 422),
    "sort": ("GET", f"/api/me/tasks?sort={LONG_IN_URL}", {}, 422),
    "include": ("GET", f"/api/me/tasks?include={LONG_IN_URL}", {}, 422),
    "fields": ("GET", f"/api/me/tasks?fields={LONG_IN_URL}", {}, 422),
    "status": ("GET", f"/api/me/tasks?status={LONG_IN_URL}", {}, 422),
    "cursor": ("GET", f"/api/me/tasks?cursor={LONG_IN_URL}", {}, 422),
    "limit": ("GET", f"/api/me/tasks?limit={LONG_IN_URL}", {}, 422),
    "filter field": ("GET", f"/api/me/tasks?filter={quote(json.dumps({LONG_IN_URL: {}}))}", {}, 422),
    "filter operator": ("GET", f"/api/me/tasks?filter={quote(json.dumps({'title': {LONG_IN_URL: 1}}))}", {}, 422),
    "filter value": ("GET", f"/api/me/tasks?filter={quote(json.dumps({'status': {'eq': LONG_IN_URL}}))}", {}, 422),
    "If-Match": ("DELETE", "/api/me/tasks/01a21eb6-1694-732e-8e83-21ba706f1532", {"If-Match": LONG_IN_URL}, 422),
    "Content-Type": ("POST", "/api/me/tasks", {"Content-Type": f"text/{LONG_IN_URL}"}, 415),
    "Authorization": ("GET", "/api/me/tasks", {"Authorization": f"Bearer {LONG_IN_URL}"}, 401),
    "X-Request-Id": ("GET", "/unknown", {"X-Request-Id": LONG_IN_URL}, 404),
}


@pytest.mark.parametrize(("method", "path", "headers", "status"), REST_REQUESTS.values(), ids=REST_REQUESTS)
def test_rest_error_about_a_long_path_or_header_is_short(
    rest_client: RestClient, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    response = rest_client.http.request(method, path, headers=headers, content=b"{}" if method == "POST" else None)

    assert response.status_code == status, response.text[:500]
    assert len(response.text) < MAX_RESPONSE
    assert sum(len(name) + len(value) for name, value in response.headers.items()) < MAX_RESPONSE


CREATE = "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }"
GRAPHQL_REQUESTS: dict[str, dict[str, object]] = {
    "operation name": {"query": "{ __typename }", "operationName": LONG},
    "operation name with spaces": {"query": "{ __typename }", "operationName": WORDS},
    "field": {"query": f"{{ {LONG} }}"},
    "field of an object type": {"query": f"{{ viewer {{ {LONG} }} }}"},
    "argument": {"query": f"{{ tasks({LONG}: 1) {{ totalCount }} }}"},
    "type": {"query": f"query ($a: {LONG}) {{ __typename }}"},
    "fragment": {"query": f"{{ ...{LONG} }}"},
    "unused fragment": {"query": f"{{ __typename }} fragment {LONG} on Query {{ __typename }}"},
    "type condition": {"query": f"{{ ... on {LONG} {{ __typename }} }}"},
    "directive": {"query": f"{{ __typename @{LONG} }}"},
    "undefined variable": {"query": f"{{ tasks(first: ${LONG}) {{ totalCount }} }}"},
    "unused variable": {"query": f"query (${LONG}: Int) {{ __typename }}"},
    "repeated variable": {"query": f"query (${LONG}: Int, ${LONG}: Int) {{ __typename }}"},
    "repeated operation": {"query": f"query {LONG} {{ __typename }} query {LONG} {{ __typename }}"},
    "alias": {"query": f"{{ {LONG}: tasks {{ totalCount }} {LONG}: lists {{ totalCount }} }}"},
    "enum value": {"query": f"{{ tasks(orderBy: {{field: {LONG}}}) {{ totalCount }} }}"},
    "string for a number": {"query": f'{{ tasks(first: "{WORDS}") {{ totalCount }} }}'},
    "id": {"query": f'{{ task(id: "{LONG}") {{ id }} }}'},
    "cursor": {"query": f'{{ tasks(after: "{LONG}") {{ totalCount }} }}'},
    "syntax error": {"query": f"{{ a(b: 1) {LONG}) }}"},
    "variable with an unknown field": {"query": CREATE, "variables": {"input": {"title": "x", LONG: 1}}},
    "variable with an enum value": {"query": CREATE, "variables": {"input": {"title": "x", "status": LONG}}},
    "variable of another type": {"query": CREATE, "variables": {"input": WORDS}},
    "id in a variable": {"query": CREATE, "variables": {"input": {"title": "x", "listId": LONG}}},
    "title": {"query": CREATE, "variables": {"input": {"title": WORDS}}},
    "document id": {"documentId": LONG},
    "member of the request": {"query": "{ __typename }", LONG: 1},
    "extension": {"query": "{ __typename }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": LONG}}},
}


@pytest.mark.parametrize("request_body", GRAPHQL_REQUESTS.values(), ids=GRAPHQL_REQUESTS)
def test_graphql_error_about_a_long_text_is_short(graphql_client: GraphQLClient, request_body: dict[str, object]) -> None:
    response = graphql_client.http.post("/graphql", json=request_body)

    assert response.json().get("errors") or LONG in request_body, response.text[:500]
    assert len(response.text) < MAX_RESPONSE


def test_short_texts_are_repeated_unchanged(rest_client: RestClient, graphql_client: GraphQLClient) -> None:
    name = "y" * 100

    problem = rest_client.http.post("/api/me/tasks", json={"title": "x", name: 1}).json()
    assert problem["errors"] == [{"pointer": f"/{name}", "detail": "Unknown field."}]
    [error] = graphql_client.http.post("/graphql", json={"query": "{ __typename }", "operationName": name}).json()["errors"]
    assert f"'{name}'" in error["message"]


@pytest.mark.parametrize(
    ("text", "shortened"),
    [
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 100 + "…"),
        ("a " * 1000, "a " * 1000),
        ("a " * 1001, "a " * 1000 + "…"),
        (f"Unknown '{'x' * 101}'.", f"Unknown '{'x' * 100}…'."),
        ("/" + "x" * 300 + "/title", "/" + "x" * 100 + "…/title"),
    ],
)
def test_shortened_text_ends_with_an_ellipsis(text: str, shortened: str) -> None:
    assert shorten(text) == shortened
