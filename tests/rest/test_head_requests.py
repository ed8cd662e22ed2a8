"""HEAD requests: the same status and headers as GET, without a body."""

import pytest

from tests.support.api_clients import RestClient
from tests.support.service import RunningService

PAGES = ["/", "/health", "/ready", "/docs", "/openapi.json", "/docs/files/swagger-ui.css", "/graphql?query={__typename}"]
CHANGING_HEADERS = {"date", "x-request-id", "ratelimit"}


@pytest.fixture
def paths(rest_client: RestClient) -> list[str]:
    """Paths of all GET operations, with ids of existing rows."""
    task = rest_client.create("task", title="x")["id"]
    ids = {
        "tasks": task,
        "lists": rest_client.create("list", name="x")["id"],
        "tags": rest_client.create("tag", name="x")["id"],
        "comments": rest_client.send("POST", f"/api/me/tasks/{task}/comments", json={"body": "x"}).json()["id"],
    }
    operations = rest_client.http.get("/openapi.json").json()["paths"]
    templates = [path for path, operation in operations.items() if "get" in operation]
    return [
        path.replace("{user_id}", "me").replace("{id}", ids[path.split("/")[3]])
        if "{id}" in path
        else path.replace("{user_id}", "me")
        for path in templates
    ]


def check_head(client: RestClient, path: str) -> None:
    """Check that HEAD returns what GET returns, without a body."""
    get, head = (client.http.request(method, path, follow_redirects=False) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (get.status_code, b""), path
    assert get.is_success, path
    assert {name: value for name, value in head.headers.items() if name not in CHANGING_HEADERS} == {
        name: value for name, value in get.headers.items() if name not in CHANGING_HEADERS
    }, path


def test_head_returns_the_headers_of_get_for_every_operation(rest_client: RestClient, paths: list[str]) -> None:
    assert len(paths) > 10
    for path in paths:
        check_head(rest_client, path)


@pytest.mark.parametrize("path", PAGES)
def test_head_returns_the_headers_of_get_for_every_page(rest_client: RestClient, path: str) -> None:
    check_head(rest_client, path)


def test_head_returns_errors_and_requires_authentication_like_get(service: RunningService, rest_client: RestClient) -> None:
    assert rest_client.http.head("/api/me/tasks/01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e").status_code == 404
    assert rest_client.http.head("/api/someone/tasks").status_code == 403
    assert rest_client.http.head("/api/me/tasks?limit=0").status_code == 422
    with RestClient(service.url, None) as anonymous:
        assert anonymous.http.head("/api/me/tasks").status_code == 401


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/auth/login", "POST"),
        ("/api/me/tasks", "GET, HEAD, POST"),
        ("/health", "GET, HEAD"),
        ("/ready", "GET, HEAD"),
        ("/docs", "GET, HEAD"),
        ("/graphql", "GET, HEAD, POST"),
    ],
)
def test_allow_header_lists_head_where_get_is_allowed(rest_client: RestClient, path: str, allowed: str) -> None:
    response = rest_client.http.request("PROPFIND", path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)
    assert rest_client.http.head("/api/auth/login").headers["allow"] == "POST"


def test_preflight_request_for_head_is_allowed(rest_client: RestClient) -> None:
    headers = {
        "Origin": "http://localhost:3000",
        "Access-Control-Request-Method": "HEAD",
        "Access-Control-Request-Headers": "authorization",
    }

    response = rest_client.http.options("/api/me/tasks", headers=headers)

    assert response.status_code == 200
    assert "HEAD" in response.headers["access-control-allow-methods"].split(", ")
