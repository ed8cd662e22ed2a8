"""REST responses: status codes, headers, links, nested relations and CORS."""

import re
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from pydantic import TypeAdapter

from api.openapi import schemas
from tests.support.api_clients import GraphQLClient, RestClient
from tests.support.service import SECRET, RunningService, run_service, settings_for
from tests.support.users import TestUser, sign_token

ORIGIN = "http://localhost:3000"


def test_responses_match_the_openapi_schemas(rest_client: RestClient) -> None:
    tag, home = rest_client.create("tag", name="a"), rest_client.create("list", name="Home")
    task = rest_client.create("task", title="x", tag_ids=[tag["id"]], list_id=home["id"])
    rest_client.create("task", title="y", parent_id=task["id"])
    rest_client.comment(task["id"], "Hm")
    schemas_by_path = {
        "/api/me/tasks?include=list,parent,tags,subtasks.comments,comments.task": list[schemas.Task],
        f"/api/me/tasks/{task['id']}": schemas.Task,
        f"/api/me/tasks/{task['id']}/subtasks": list[schemas.Task],
        f"/api/me/tasks/{task['id']}/comments": list[schemas.Comment],
        "/api/me/lists?include=tasks.tags": list[schemas.TaskList],
        f"/api/me/lists/{home['id']}/tasks": list[schemas.Task],
        "/api/me/tags?include=tasks": list[schemas.Tag],
        "/api/auth/me": schemas.Account,
        "/": schemas.ServiceInfo,
        "/health": schemas.HealthStatus,
        "/ready": schemas.HealthStatus,
    }
    for path, schema in schemas_by_path.items():
        TypeAdapter[Any](schema).validate_json(rest_client.send("GET", path).content)


def test_create_returns_201_with_location_and_etag(rest_client: RestClient, user: TestUser) -> None:
    response = rest_client.send("POST", f"/api/{user.id}/tasks", json={"title": "x"})

    assert response.status_code == 201
    assert response.headers["etag"] == f'"{response.json()["revision"]}"'
    assert rest_client.send("GET", response.headers["location"]).json() == response.json()
    again = rest_client.send("POST", "/api/me/tasks", json={"id": response.json()["id"], "title": "x"})
    assert (again.status_code, again.json()) == (200, response.json())


@pytest.mark.parametrize("user_id", ["日本", "A\u0301", "a b", "50%2f", "a?b", 'a"b>', "é"])
def test_location_and_next_link_work_for_any_user_id(service: RunningService, user_id: str) -> None:
    user_id = f"{user_id} {uuid4().hex}"
    with RestClient(service.url, sign_token({"sub": user_id}, SECRET)) as rest_client:
        tasks = f"/api/{quote(user_id, safe='')}/tasks"
        response = rest_client.send("POST", tasks, json={"title": "x"})
        comment = rest_client.send("POST", f"{tasks}/{response.json()['id']}/comments", json={"body": "Hm"})
        rest_client.send("POST", tasks, json={"title": "y"})
        page = rest_client.send("GET", tasks, params={"limit": "1"})

        for created in (response, comment):
            assert rest_client.send("GET", created.headers["location"]).json() == created.json()
        assert rest_client.send("GET", page.links["next"]["url"]).json() == [response.json()]


def test_comment_location_header_resolves(rest_client: RestClient) -> None:
    task = rest_client.create("task", title="x")
    response = rest_client.send("POST", f"/api/me/tasks/{task['id']}/comments", json={"body": "Hm"})

    assert rest_client.send("GET", response.headers["location"]).json() == response.json()


def test_put_and_patch_accept_the_body_returned_by_get(rest_client: RestClient) -> None:
    rest_client.create("task", title="x")
    row = rest_client.send("GET", "/api/me/tasks").json()[0]

    for method in ("PUT", "PATCH"):
        assert rest_client.send(method, f"/api/me/tasks/{row['id']}", json=row).json() == row
        changed = rest_client.send(
            method, f"/api/me/tasks/{row['id']}", json={**row, "title": method, "revision": 99, "id": "ignored"}
        )
        assert changed.json()["title"] == method
        row = changed.json()


def test_delete_returns_204_without_a_body(rest_client: RestClient) -> None:
    response = rest_client.send("DELETE", f"/api/me/tasks/{rest_client.create('task', title='x')['id']}")

    assert (response.status_code, response.content) == (204, b"")


def test_if_match_accepts_several_etags_and_wildcard(rest_client: RestClient) -> None:
    task = rest_client.create("task", title="x")
    path = f"/api/me/tasks/{task['id']}"

    assert rest_client.send("PATCH", path, json={"title": "y"}, headers={"If-Match": '"0", "1"'}).headers["etag"] == '"2"'
    assert rest_client.send("PATCH", path, json={"title": "z"}, headers={"If-Match": "*"}).headers["etag"] == '"3"'
    for etag in ('W/"3"', '"x"', f'"{"9" * 5000}"'):
        assert rest_client.problem("PATCH", path, json={"title": "y"}, headers={"If-Match": etag}).code == "PRECONDITION_FAILED"


def test_next_links_lead_through_all_pages(rest_client: RestClient) -> None:
    for number in range(5):
        rest_client.create("task", title=str(number))
    seen, path = [], "/api/me/tasks?limit=2&sort=title&status=pending"
    while path:
        response = rest_client.send("GET", path)
        assert path.count("cursor=") <= 1
        seen.append([row["title"] for row in response.json()])
        path = response.links.get("next", {}).get("url", "")

    assert seen == [["0", "1"], ["2", "3"], ["4"]]


def test_include_nests_relations_by_name(rest_client: RestClient) -> None:
    tag, home = rest_client.create("tag", name="a"), rest_client.create("list", name="Home")
    task = rest_client.create("task", title="x", tag_ids=[tag["id"]], list_id=home["id"])
    child = rest_client.create("task", title="y", parent_id=task["id"], tag_ids=[tag["id"]])
    comment = rest_client.comment(task["id"], "Hm")

    nested = rest_client.get("task", f"{task['id']}?include=list,tags,subtasks.tags,comments,parent")

    assert nested["list"]["id"] == home["id"]
    assert [row["id"] for row in nested["tags"]] == [tag["id"]]
    assert [row["id"] for row in nested["subtasks"]] == [child["id"]]
    assert [row["id"] for row in nested["subtasks"][0]["tags"]] == [tag["id"]]
    assert [row["id"] for row in nested["comments"]] == [comment["id"]]
    assert nested["parent"] is None


def test_fields_parameter_selects_fields(rest_client: RestClient) -> None:
    tag = rest_client.create("tag", name="a")
    task = rest_client.create("task", title="x", tag_ids=[tag["id"]])
    part = rest_client.create("task", title="y", parent_id=task["id"])
    path = f"/api/me/tasks/{task['id']}"

    def select(query: str) -> object:
        return rest_client.send("GET", f"{path}?{query}").json()

    assert select("fields=title,id") == {"id": task["id"], "title": "x"}
    assert select("fields=id,tags.name") == {"id": task["id"], "tags": [{"name": "a"}]}
    assert select("fields=id,subtasks.parent.title") == {"id": task["id"], "subtasks": [{"parent": {"title": "x"}}]}
    assert select("fields=subtasks") == {"subtasks": [rest_client.send("GET", f"/api/me/tasks/{part['id']}").json()]}
    assert select("include=tags&fields=id") == {
        "id": task["id"],
        "tags": [rest_client.send("GET", f"/api/me/tags/{tag['id']}").json()],
    }
    assert select("fields=") == rest_client.send("GET", path).json()
    assert rest_client.send("GET", f"{path}?fields=title").headers["etag"] == f'"{task["revision"]}"'
    assert rest_client.page("task", fields="title", sort="title") == [{"title": "x"}, {"title": "y"}]


def test_include_follows_14_nested_relations(rest_client: RestClient) -> None:
    parent_id = None
    for depth in range(15):
        parent_id = rest_client.create("task", title=str(depth), **({"parent_id": parent_id} if parent_id else {}))["id"]

    row = rest_client.get("task", f"{parent_id}?include={'.'.join(['parent'] * 14)}&fields=title")

    for depth in reversed(range(15)):
        assert row["title"] == str(depth)
        row = row.get("parent", {})


def test_rest_and_graphql_share_order_and_cursors(rest_client: RestClient, graphql_client: GraphQLClient) -> None:
    for number in range(5):
        rest_client.create("task", title=f"{number % 2}", priority=["low", "high"][number % 2])
    response = rest_client.send("GET", "/api/me/tasks?sort=-priority,title&limit=2")
    cursor = re.search(r"cursor=([^&>]+)", response.headers["link"])
    document = """query($after: String) { tasks(first: 2, after: $after,
        orderBy: [{field: PRIORITY, direction: DESC}, {field: TITLE}]) { nodes { id } pageInfo { endCursor } } }"""
    first = graphql_client.run(document)["tasks"]

    assert [row["id"] for row in response.json()] == [row["id"] for row in first["nodes"]]
    assert cursor
    assert cursor[1] == first["pageInfo"]["endCursor"]
    second = rest_client.send("GET", f"/api/me/tasks?sort=-priority,title&limit=2&cursor={cursor[1]}").json()
    assert [row["id"] for row in second] == [row["id"] for row in graphql_client.run(document, after=cursor[1])["tasks"]["nodes"]]


def test_filter_parameter_accepts_nested_json(rest_client: RestClient) -> None:
    tag = rest_client.create("tag", name="home")
    rest_client.create("task", title="Milk", tag_ids=[tag["id"]])
    rest_client.create("task", title="Bread", priority="high")
    rest_client.create("task", title="Eggs")

    def titles(tree: str) -> set[str]:
        return {row["title"] for row in rest_client.page("task", filter=tree)}

    assert titles("{}") == titles('{"and": []}') == {"Milk", "Bread", "Eggs"}
    assert titles('{"or": []}') == set()
    assert titles('{"or": [{"title": {"contains": "IL"}}, {"priority": {"in": ["high"]}}]}') == {"Milk", "Bread"}
    assert titles('{"not": {"title": {"eq": "Milk"}}}') == {"Bread", "Eggs"}
    assert titles('{"tags": {"some": {"name": {"eq": "home"}}}}') == {"Milk"}
    assert titles('{"tags": {"none": {"name": {"contains": "HOME"}}}}') == {"Bread", "Eggs"}
    assert titles('{"tags": {"every": {"name": {"ne": "home"}}}}') == {"Bread", "Eggs"}
    assert titles('{"list_id": {"is_null": true}}') == {"Milk", "Bread", "Eggs"}
    assert titles('{"not": {"list_id": {"eq": "01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e"}}}') == {"Milk", "Bread", "Eggs"}
    assert titles('{"title": {"ne": "Milk", "in": ["Milk", "Eggs"]}}') == {"Eggs"}


def test_request_id_is_echoed_or_generated(rest_client: RestClient) -> None:
    assert rest_client.http.get("/health", headers={"X-Request-Id": "abc-123"}).headers["x-request-id"] == "abc-123"
    for invalid in ("a b", "x" * 200, 'a"b'):
        assert re.fullmatch(
            r"[0-9a-f]{32}", rest_client.http.get("/health", headers={"X-Request-Id": invalid}).headers["x-request-id"]
        )


def test_cors_headers_are_on_every_response(rest_client: RestClient) -> None:
    for method, path, status in (
        ("GET", "/api/me/tasks", 200),
        ("GET", "/api/me/tasks/x", 422),
        ("GET", "/api/someone/tasks", 403),
        ("GET", "/nope", 404),
        ("POST", "/health", 405),
    ):
        response = rest_client.http.request(method, path, headers={"Origin": ORIGIN})
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (status, ORIGIN)
        assert "X-Request-Id" in response.headers["access-control-expose-headers"]
    preflight = rest_client.http.options(
        "/api/me/tasks",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization, if-match",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    anonymous = rest_client.http.get("/health", headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in anonymous.headers


def test_production_allows_configured_origins_only(service: RunningService) -> None:
    settings = settings_for(
        service.database, environment="production", cors_origins="https://app.example.com/, https://b.example"
    )
    with run_service(settings, service.database) as production, RestClient(production.url, None) as anonymous:
        for origin, allowed in (("https://app.example.com", True), ("https://b.example", True), (ORIGIN, False)):
            response = anonymous.http.get("/api/me/tasks", headers={"Origin": origin})
            assert response.status_code == 401
            assert ("access-control-allow-origin" in response.headers) is allowed
    with (
        run_service(settings_for(service.database, environment="production"), service.database) as production,
        RestClient(production.url, None) as anonymous,
    ):
        response = anonymous.http.get("/api/me/tasks", headers={"Origin": ORIGIN})
        assert "access-control-allow-origin" not in response.headers


def test_swagger_ui_loads_without_internet(rest_client: RestClient) -> None:
    page = rest_client.http.get("/docs").text
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert addresses
    for address in addresses:
        assert rest_client.http.get(address).status_code == 200


def test_page_size_without_limit_is_50_in_both_apis(rest_client: RestClient, graphql_client: GraphQLClient) -> None:
    create = "mutation($inputs: [CreateTaskInput!]!) { createTasks(inputs: $inputs) { tasks { id } } }"
    graphql_client.run(create, inputs=[{"title": "x"}] * 51)

    response = rest_client.send("GET", "/api/me/tasks")
    page = graphql_client.run("{ tasks { nodes { id } pageInfo { hasNextPage } } }")["tasks"]

    assert len(response.json()) == len(page["nodes"]) == 50
    assert "link" in response.headers
    assert page["pageInfo"]["hasNextPage"]
