"""What only REST has: status lines, headers, links, problem details, and all the rubbish that HTTP can carry."""

import re
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from pydantic import TypeAdapter

from api import shapes
from services.reading import budget
from tests.conftest import SECRET, Service, serving, settings_for
from tests.doors import DoorError, GraphQLDoor, RestDoor
from tests.factories import Person, signed

ORIGIN = "http://localhost:3000"


def problem(rest: RestDoor, method: str, path: str, **arguments: Any) -> DoorError:
    with pytest.raises(DoorError) as refused:
        rest.send(method, path, **arguments)
    return refused.value


def test_answers_have_the_shapes_that_openapi_promises(rest: RestDoor) -> None:
    tag, home = rest.create("tag", name="a"), rest.create("list", name="Home")
    task = rest.create("task", title="x", tag_ids=[tag["id"]], list_id=home["id"])
    rest.create("task", title="y", parent_id=task["id"])
    rest.comment(task["id"], "Hm")
    shaped = {
        "/api/me/tasks?include=list,parent,tags,subtasks.comments,comments.task": list[shapes.Task],
        f"/api/me/tasks/{task['id']}": shapes.Task,
        f"/api/me/tasks/{task['id']}/subtasks": list[shapes.Task],
        f"/api/me/tasks/{task['id']}/comments": list[shapes.Comment],
        "/api/me/lists?include=tasks.tags": list[shapes.TaskList],
        f"/api/me/lists/{home['id']}/tasks": list[shapes.Task],
        "/api/me/tags?include=tasks": list[shapes.Tag],
        "/api/auth/me": shapes.Account,
        "/": shapes.About,
        "/health": shapes.Condition,
        "/ready": shapes.Condition,
    }
    for path, shape in shaped.items():
        TypeAdapter[Any](shape).validate_json(rest.send("GET", path).content)


def test_creating_answers_201_with_location_and_etag(rest: RestDoor, ada: Person) -> None:
    answer = rest.send("POST", f"/api/{ada.id}/tasks", json={"title": "x"})

    assert answer.status_code == 201
    assert answer.headers["etag"] == f'"{answer.json()["revision"]}"'
    assert rest.send("GET", answer.headers["location"]).json() == answer.json()
    again = rest.send("POST", "/api/me/tasks", json={"id": answer.json()["id"], "title": "x"})
    assert (again.status_code, again.json()) == (200, answer.json())


@pytest.mark.parametrize("user_id", ["日本", "A\u0301", "a b", "50%2f", "a?b", 'a"b>', "é"])
def test_places_can_be_gone_to_whatever_the_user_is_called(service: Service, user_id: str) -> None:
    user_id = f"{user_id} {uuid4().hex}"
    with RestDoor(service.url, signed({"sub": user_id}, SECRET)) as rest:
        tasks = f"/api/{quote(user_id, safe='')}/tasks"
        answer = rest.send("POST", tasks, json={"title": "x"})
        comment = rest.send("POST", f"{tasks}/{answer.json()['id']}/comments", json={"body": "Hm"})
        rest.send("POST", tasks, json={"title": "y"})
        page = rest.send("GET", tasks, params={"limit": "1"})

        for made in (answer, comment):
            assert rest.send("GET", made.headers["location"]).json() == made.json()
        assert rest.send("GET", page.links["next"]["url"]).json() == [answer.json()]


def test_a_comments_location_leads_to_it(rest: RestDoor) -> None:
    task = rest.create("task", title="x")
    answer = rest.send("POST", f"/api/me/tasks/{task['id']}/comments", json={"body": "Hm"})

    assert rest.send("GET", answer.headers["location"]).json() == answer.json()


def test_put_and_patch_take_back_what_get_gave(rest: RestDoor) -> None:
    rest.create("task", title="x")
    row = rest.send("GET", "/api/me/tasks").json()[0]

    for method in ("PUT", "PATCH"):
        assert rest.send(method, f"/api/me/tasks/{row['id']}", json=row).json() == row
        changed = rest.send(method, f"/api/me/tasks/{row['id']}", json={**row, "title": method, "revision": 99, "id": "ignored"})
        assert changed.json()["title"] == method
        row = changed.json()


def test_deleting_answers_204_with_nothing(rest: RestDoor) -> None:
    answer = rest.send("DELETE", f"/api/me/tasks/{rest.create('task', title='x')['id']}")

    assert (answer.status_code, answer.content) == (204, b"")


def test_status_and_completed_must_agree(rest: RestDoor) -> None:
    assert rest.create("task", title="x", completed=True)["status"] == "completed"
    assert rest.create("task", title="x", completed=False, status="in_progress")["status"] == "in_progress"
    for members in ({"completed": True, "status": "pending"}, {"completed": False, "status": "completed"}):
        with pytest.raises(DoorError) as refused:
            rest.create("task", title="x", **members)
        assert refused.value.code == "INVALID_INPUT"


def test_an_unknown_member_is_named(rest: RestDoor) -> None:
    assert problem(rest, "POST", "/api/me/tasks", json={"title": "x", "tilte": "y"}).pointers == ["/tilte"]
    assert problem(rest, "GET", "/api/me/tasks?stauts=pending").pointers == ["/stauts"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[1]",
        b'"title"',
        b"5",
        b"{",
        b'{"title": NaN}',
        b'{"title": "x", "position": NaN}',
        b'{"title": "x", "position": Infinity}',
        b'{"title": "x", "position": 1e400}',
        b'{"title": "x", "position": 10000000000000000000000}',
        b'{"title": "x", "position": "1"}',
        b'{"title": "x", "position": true}',
        b'{"title": "\\ud800"}',
        b'{"title": "\\u0000"}',
        b'{"title": "\xff"}',
        b'{"\\ud800": 1}',
        b"[" * 100_000,
        b'{"title": ' + b"[" * 100_000,
        b'{"title": {"a": 1}}',
        b'{"title": 5}',
        b'{"title": "x", "completed": "yes"}',
        b'{"title": "x", "completed": 1}',
        b'{"title": "x", "status": "done"}',
        b'{"title": "x", "tag_ids": "all"}',
        b'{"title": "x", "tag_ids": [null]}',
        b'{"title": "x", "list_id": 5}',
        b'{"title": "x", "list_id": "10000000000000000000000"}',
        b"\xfe\xff",
    ],
)
def test_rubbish_in_a_body_is_invalid_input(rest: RestDoor, body: bytes) -> None:
    refused = problem(rest, "POST", "/api/me/tasks", content=body, headers={"Content-Type": "application/json"})

    assert (refused.code, refused.status) == ("INVALID_INPUT", 422)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=10000000000000000000000",
        "limit=x",
        "status=done",
        "completed=maybe",
        "priority=top",
        "list_id=5",
        "tag_id=null",
        "sort=nonsense",
        "sort=title,title",
        "cursor=nonsense",
        "cursor=W10",
        "cursor=" + "WyJ4Il0" * 100,
        "cursor=%00",
        "cursor=é",
        "search=%00",
        "include=owner",
        "include=" + ".".join(["tags", "tasks"] * 11),
        "fields=nope",
        "fields=tags.nope",
        "fields=title.x",
        "filter=x",
        "filter=[]",
        "filter={}{}",
        'filter={"title": 5}',
        'filter={"title": {"like": "x"}}',
        'filter={"title": {"eq": null}}',
        'filter={"title": {"eq": "\\u0000"}}',
        'filter={"owner": {"eq": "x"}}',
        'filter={"created_at": {"lt": "2026-01-01"}}',
        'filter={"created_at": {"lt": 1e22}}',
        "filter=" + '{"not":' * 600 + "{}" + "}" * 600,
        'filter={"and": ' + "[" * 600 + "]" * 600 + "}",
        'filter={"list_id": {"is_null": true}, "listId": {"is_null": false}}',
        'filter={"or": [' + ",".join(['{"tags": {"some": {}}}'] * 300) + "]}",
        "fields=" + ".".join(["parent"] * 21),
        'filter={"and": {}}',
        'filter={"tags": {"any": {}}}',
        'filter={"list_id": {"in": ["x"]}}',
        "filter=" + '{"not":' * 11 + "{}" + "}" * 11,
    ],
)
def test_rubbish_in_a_query_is_invalid_input(rest: RestDoor, query: str) -> None:
    rest.create("task", title="x")

    refused = problem(rest, "GET", f"/api/me/tasks?{query}")

    assert (refused.code, refused.status) == ("INVALID_INPUT", 422)
    assert refused.pointers == ["/" + query.split("=", maxsplit=1)[0]] or query.startswith("filter")


def test_old_years_are_times_too(rest: RestDoor) -> None:
    rest.create("task", title="x")

    assert rest.page("task", filter='{"created_at": {"gt": "0001-01-01T00:00:00Z"}}')
    assert rest.page("task", filter='{"created_at": {"gt": "0001-01-01T00:00:00+14:00"}}')
    assert rest.page("task", filter='{"created_at": {"lt": "9999-12-31T23:59:59-14:00"}}')


@pytest.mark.parametrize(
    "path", ["/api/me/tasks/x", "/api/me/tasks/%00", "/api/me/tasks/10000000000000000000000", "/api/me/tags/%ff"]
)
def test_rubbish_in_a_path_is_invalid_input(rest: RestDoor, path: str) -> None:
    assert problem(rest, "GET", path).pointers == ["/id"]


@pytest.mark.parametrize("tag", ["7", "W/7", '"7', '"7", x', ""])
def test_rubbish_in_if_match_is_invalid_input(rest: RestDoor, tag: str) -> None:
    task = rest.create("task", title="x")

    refused = problem(rest, "PATCH", f"/api/me/tasks/{task['id']}", json={"title": "y"}, headers={"If-Match": tag})

    assert (refused.code, refused.pointers) == ("INVALID_INPUT", ["/if-match"])


def test_if_match_takes_several_tags_and_any(rest: RestDoor) -> None:
    task = rest.create("task", title="x")
    path = f"/api/me/tasks/{task['id']}"

    assert rest.send("PATCH", path, json={"title": "y"}, headers={"If-Match": '"0", "1"'}).headers["etag"] == '"2"'
    assert rest.send("PATCH", path, json={"title": "z"}, headers={"If-Match": "*"}).headers["etag"] == '"3"'
    for weak in ('W/"3"', '"x"', f'"{"9" * 5000}"'):
        assert problem(rest, "PATCH", path, json={"title": "y"}, headers={"If-Match": weak}).code == "PRECONDITION_FAILED"


def test_a_link_leads_from_page_to_page_until_the_last(rest: RestDoor) -> None:
    for number in range(5):
        rest.create("task", title=str(number))
    seen, path = [], "/api/me/tasks?limit=2&sort=title&status=pending"
    while path:
        answer = rest.send("GET", path)
        assert path.count("cursor=") <= 1
        seen.append([row["title"] for row in answer.json()])
        path = answer.links.get("next", {}).get("url", "")

    assert seen == [["0", "1"], ["2", "3"], ["4"]]


def test_a_cursor_is_bound_to_its_order(rest: RestDoor) -> None:
    for number in range(2):
        rest.create("task", title=str(number))
    cursor = re.search(r"cursor=([^&>]+)", rest.send("GET", "/api/me/tasks?limit=1").headers["link"])
    assert cursor

    assert problem(rest, "GET", f"/api/me/tasks?sort=title&cursor={cursor[1]}").pointers == ["/cursor"]


def test_include_nests_relations_under_their_names(rest: RestDoor) -> None:
    tag, home = rest.create("tag", name="a"), rest.create("list", name="Home")
    task = rest.create("task", title="x", tag_ids=[tag["id"]], list_id=home["id"])
    child = rest.create("task", title="y", parent_id=task["id"], tag_ids=[tag["id"]])
    remark = rest.comment(task["id"], "Hm")

    nested = rest.get("task", f"{task['id']}?include=list,tags,subtasks.tags,comments,parent")

    assert nested["list"]["id"] == home["id"]
    assert [row["id"] for row in nested["tags"]] == [tag["id"]]
    assert [row["id"] for row in nested["subtasks"]] == [child["id"]]
    assert [row["id"] for row in nested["subtasks"][0]["tags"]] == [tag["id"]]
    assert [row["id"] for row in nested["comments"]] == [remark["id"]]
    assert nested["parent"] is None


def test_fields_thin_the_answer(rest: RestDoor) -> None:
    tag = rest.create("tag", name="a")
    task = rest.create("task", title="x", tag_ids=[tag["id"]])
    part = rest.create("task", title="y", parent_id=task["id"])
    path = f"/api/me/tasks/{task['id']}"

    def thin(query: str) -> object:
        return rest.send("GET", f"{path}?{query}").json()

    assert thin("fields=title,id") == {"id": task["id"], "title": "x"}
    assert thin("fields=id,tags.name") == {"id": task["id"], "tags": [{"name": "a"}]}
    assert thin("fields=id,subtasks.parent.title") == {"id": task["id"], "subtasks": [{"parent": {"title": "x"}}]}
    assert thin("fields=subtasks") == {"subtasks": [rest.send("GET", f"/api/me/tasks/{part['id']}").json()]}
    assert thin("include=tags&fields=id") == {"id": task["id"], "tags": [rest.send("GET", f"/api/me/tags/{tag['id']}").json()]}
    assert thin("fields=") == rest.send("GET", path).json()
    assert rest.send("GET", f"{path}?fields=title").headers["etag"] == f'"{task["revision"]}"'
    assert rest.page("task", fields="title", sort="title") == [{"title": "x"}, {"title": "y"}]


def test_include_goes_as_deep_as_the_relations_do(rest: RestDoor) -> None:
    parent_id = None
    for depth in range(15):
        parent_id = rest.create("task", title=str(depth), **({"parent_id": parent_id} if parent_id else {}))["id"]

    row = rest.get("task", f"{parent_id}?include={'.'.join(['parent'] * 14)}&fields=title")

    for depth in reversed(range(15)):
        assert row["title"] == str(depth)
        row = row.get("parent", {})


def test_an_answer_has_an_end(rest: RestDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_ROWS", 5)
    home = rest.create("list", name="Home")["id"]
    for number in range(6):
        rest.create("task", title=f"{number}", list_id=home)
    refused = problem(rest, "GET", f"/api/me/lists/{home}?include=tasks")

    assert (refused.code, refused.status) == ("QUERY_TOO_COMPLEX", 422)
    assert "“tasks”" in refused.detail


def test_rows_that_stand_in_an_answer_several_times_count_as_often(rest: RestDoor) -> None:
    home = rest.create("list", name="Home")["id"]
    tag = rest.create("tag", name="a")["id"]
    for number in range(36):
        rest.create("task", title=f"{number}", list_id=home, tag_ids=[tag])

    # 36 tasks, each with the list, which has 36 tasks, each with …: few rows to read, but 36 x 36 x 36 in the answer.
    for include in ("list.tasks.list.tasks", "tags.tasks.tags.tasks"):
        assert rest.send("GET", f"/api/me/tasks?include={include.rsplit('.', 1)[0]}").is_success
        assert problem(rest, "GET", f"/api/me/tasks?include={include}").code == "QUERY_TOO_COMPLEX"


def test_rest_and_graphql_page_alike(rest: RestDoor, graph: GraphQLDoor) -> None:
    for number in range(5):
        rest.create("task", title=f"{number % 2}", priority=["low", "high"][number % 2])
    answer = rest.send("GET", "/api/me/tasks?sort=-priority,title&limit=2")
    cursor = re.search(r"cursor=([^&>]+)", answer.headers["link"])
    document = """query($after: String) { tasks(first: 2, after: $after,
        orderBy: [{field: PRIORITY, direction: DESC}, {field: TITLE}]) { nodes { id } pageInfo { endCursor } } }"""
    first = graph.run(document)["tasks"]

    assert [row["id"] for row in answer.json()] == [row["id"] for row in first["nodes"]]
    assert cursor
    assert cursor[1] == first["pageInfo"]["endCursor"]
    second = rest.send("GET", f"/api/me/tasks?sort=-priority,title&limit=2&cursor={cursor[1]}").json()
    assert [row["id"] for row in second] == [row["id"] for row in graph.run(document, after=cursor[1])["tasks"]["nodes"]]


def test_a_filter_is_a_tree_of_json(rest: RestDoor) -> None:
    tag = rest.create("tag", name="home")
    rest.create("task", title="Milk", tag_ids=[tag["id"]])
    rest.create("task", title="Bread", priority="high")
    rest.create("task", title="Eggs")

    def titles(tree: str) -> set[str]:
        return {row["title"] for row in rest.page("task", filter=tree)}

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


def test_405_names_all_methods_of_the_address(rest: RestDoor) -> None:
    answer = rest.http.post("/api/me/tasks/01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e")

    assert (answer.status_code, answer.json()["error_code"]) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "DELETE, GET, PATCH, PUT"


def test_an_unknown_address_is_not_found(rest: RestDoor) -> None:
    for path in ("/nope", "/api", "/api/me/tasks/", "/api/me/tasks//complete"):
        assert problem(rest, "GET", path).code == "NOT_FOUND"


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonfoo", "", "nonsense"])
def test_a_body_of_another_kind_is_refused(rest: RestDoor, media_type: str) -> None:
    refused = problem(rest, "POST", "/api/me/tasks", content=b'{"title": "x"}', headers={"Content-Type": media_type})

    assert (refused.code, refused.status) == ("UNSUPPORTED_MEDIA_TYPE", 415)


def test_login_takes_a_form(rest: RestDoor) -> None:
    assert problem(rest, "POST", "/api/auth/login", json={"username": "x", "password": "y"}).status == 415
    assert problem(rest, "POST", "/api/auth/login", data={"username": "x"}).pointers == ["/password"]
    assert problem(rest, "POST", "/api/auth/login", data={"username": "x\x00", "password": "y"}).code == "INVALID_INPUT"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert problem(rest, "POST", "/api/auth/login", content=b"username=%ff&password=%ff", headers=form).status in {401, 422}


def test_a_body_that_is_too_large_is_refused(rest: RestDoor) -> None:
    large = b'{"title": "' + b"x" * 1024 * 1024 + b'"}'
    json = {"Content-Type": "application/json"}
    chunks = (large[start : start + 65536] for start in range(0, len(large), 65536))

    assert problem(rest, "POST", "/api/me/tasks", content=large, headers=json).code == "PAYLOAD_TOO_LARGE"
    assert problem(rest, "POST", "/api/me/tasks", content=chunks, headers=json).code == "PAYLOAD_TOO_LARGE"
    assert rest.page("task") == []


def test_401_says_how_to_authenticate(service: Service) -> None:
    with RestDoor(service.url, None) as stranger:
        for headers in (
            {},
            {"Authorization": "Basic eDp5"},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer x.y.z"},
        ):
            answer = stranger.http.get("/api/me/tasks", headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        latin = stranger.http.get("/api/me/tasks", headers={b"Authorization": "Bearer é".encode()})
        assert latin.status_code == 401


def test_a_request_id_is_taken_or_made(rest: RestDoor) -> None:
    assert rest.http.get("/health", headers={"X-Request-Id": "abc-123"}).headers["x-request-id"] == "abc-123"
    for bad in ("a b", "x" * 200, 'a"b'):
        assert re.fullmatch(r"[0-9a-f]{32}", rest.http.get("/health", headers={"X-Request-Id": bad}).headers["x-request-id"])


def test_cors_headers_are_on_every_answer(rest: RestDoor) -> None:
    for method, path, status in (
        ("GET", "/api/me/tasks", 200),
        ("GET", "/api/me/tasks/x", 422),
        ("GET", "/api/someone/tasks", 403),
        ("GET", "/nope", 404),
        ("POST", "/health", 405),
    ):
        answer = rest.http.request(method, path, headers={"Origin": ORIGIN})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, ORIGIN)
        assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    preflight = rest.http.options(
        "/api/me/tasks",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization, if-match",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    stranger = rest.http.get("/health", headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers


def test_production_allows_the_named_origins_alone(service: Service) -> None:
    settings = settings_for(
        service.database, environment="production", cors_origins="https://app.example.com/, https://b.example"
    )
    with serving(settings, service.database) as production, RestDoor(production.url, None) as stranger:
        for origin, allowed in (("https://app.example.com", True), ("https://b.example", True), (ORIGIN, False)):
            answer = stranger.http.get("/api/me/tasks", headers={"Origin": origin})
            assert answer.status_code == 401
            assert ("access-control-allow-origin" in answer.headers) is allowed
    with (
        serving(settings_for(service.database, environment="production"), service.database) as production,
        RestDoor(production.url, None) as stranger,
    ):
        answer = stranger.http.get("/api/me/tasks", headers={"Origin": ORIGIN})
        assert "access-control-allow-origin" not in answer.headers


def test_the_docs_work_without_the_internet(rest: RestDoor) -> None:
    page = rest.http.get("/docs").text
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert addresses
    for address in addresses:
        assert rest.http.get(address).status_code == 200


def test_page_size_without_limit_is_50_in_both_apis(rest: RestDoor, graph: GraphQLDoor) -> None:
    create = "mutation($inputs: [CreateTaskInput!]!) { createTasks(inputs: $inputs) { tasks { id } } }"
    graph.run(create, inputs=[{"title": "x"}] * 51)

    answer = rest.send("GET", "/api/me/tasks")
    page = graph.run("{ tasks { nodes { id } pageInfo { hasNextPage } } }")["tasks"]

    assert len(answer.json()) == len(page["nodes"]) == 50
    assert "link" in answer.headers
    assert page["pageInfo"]["hasNextPage"]
