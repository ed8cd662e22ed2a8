"""If-Match, If-None-Match and `ifRevision` on every read and write, and the entity tags that they compare."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.openapi.schemas import Problem
from tests.support.api_clients import TLS, ApiClient, GraphQLClient, RestClient, Row, expect_error
from tests.support.service import RunningService
from tests.support.users import PASSWORD, TestUser

KINDS = ("task", "list", "tag", "comment")
PATHS = {"task": "tasks", "list": "lists", "tag": "tags", "comment": "comments"}
INCLUDE = {"task": "?include=tags", "list": "?include=tasks", "tag": "?include=tasks", "comment": "?include=task"}
NAMES = {"task": "title", "list": "name", "tag": "name", "comment": "body"}


def create(client: ApiClient, kind: str) -> Row:
    """Create a row of this kind."""
    if kind == "comment":
        return client.comment(client.create("task", title="x")["id"], "x")
    return client.create(kind, **{NAMES[kind]: "x"})


def path_of(kind: str, row: Row) -> str:
    """Return the path of the row."""
    return f"/api/me/{PATHS[kind]}/{row['id']}"


def get(client: RestClient, path: str, *tags: str, header: str = "If-None-Match", method: str = "GET") -> httpx.Response:
    """Send a conditional read; each tag is a line of the header."""
    return client.http.request(method, path, headers=[(header, tag) for tag in tags])


def assert_cache_headers(response: httpx.Response) -> None:
    """Check that only the user's own cache may store the response, and must ask before each use."""
    assert response.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in response.headers["vary"]


# Writes of one row that is not deleted: kind, method, path below the row, body.
Write = tuple[str, str, str, dict[str, Any] | None]
WRITES: list[Write] = [
    *((kind, method, "", {NAMES[kind]: "y"}) for kind in KINDS for method in ("PATCH", "PUT")),
    *((kind, "DELETE", "", None) for kind in KINDS),
    ("task", "PATCH", "/complete", {"completed": True}),
    ("task", "PATCH", "/complete", None),
    ("task", "POST", "/restore", None),
]
all_writes = pytest.mark.parametrize(
    "write", WRITES, ids=lambda write: f"{write[1]} {write[0]}{write[2]}{' with body' if write[3] else ''}"
)


@all_writes
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("If-Match", '"{stale}"'),
        ("If-Match", '"000{revision}"'),
        ("If-Match", '"+{revision}"'),
        ("If-Match", 'W/"{revision}"'),
        ("If-None-Match", "*"),
        ("If-None-Match", '"{revision}"'),
        ("If-None-Match", 'W/"{revision}"'),
        ("If-None-Match", '"x", "{revision}"'),
    ],
)
def test_write_with_a_failed_precondition_changes_nothing(rest_client: RestClient, write: Write, header: str, value: str) -> None:
    kind, method, suffix, body = write
    row = create(rest_client, kind)
    tag = value.format(revision=row["revision"], stale=row["revision"] - 1)

    error = rest_client.problem(method, path_of(kind, row) + suffix, json=body, headers={header: tag})

    assert (error.code, error.status) == ("PRECONDITION_FAILED", 412)
    assert error.current == row == rest_client.get(kind, row["id"])


@all_writes
@pytest.mark.parametrize(
    ("header", "lines"),
    [
        ("If-Match", ["*"]),
        ("If-Match", ['"x"', '"{revision}"']),
        ("If-Match", ['"{revision}"', '"x"']),
        ("If-Match", [', "{revision}",,', ",", ""]),
        ("If-Match", ['"a,b","{revision}"']),
        ("If-None-Match", ['"x"', 'W/"y"']),
        ("If-None-Match", ['"000{revision}"']),
    ],
)
def test_write_with_a_fulfilled_precondition_is_made(
    rest_client: RestClient, write: Write, header: str, lines: list[str]
) -> None:
    kind, method, suffix, body = write
    row = create(rest_client, kind)
    headers = [(header, line.format(revision=row["revision"])) for line in lines]

    assert rest_client.http.request(method, path_of(kind, row) + suffix, json=body, headers=headers).is_success


def test_changes_of_single_tags_check_preconditions(rest_client: RestClient) -> None:
    tag, other = (rest_client.create("tag", name=name) for name in ("x", "y"))
    task = rest_client.create("task", title="x")
    single_tag = f"{path_of('task', task)}/tags/{tag['id']}"
    merge = f"{path_of('tag', tag)}/merge"

    for method, path, body, kind, row_id in (
        ("PUT", single_tag, None, "task", task["id"]),
        ("DELETE", single_tag, None, "task", task["id"]),
        ("POST", merge, {"into": other["id"]}, "tag", tag["id"]),
    ):
        row = rest_client.get(kind, row_id)
        current = f'"{row["revision"]}"'
        for headers in ({"If-Match": f'"0{row["revision"]}"'}, {"If-None-Match": current}, {"If-None-Match": "*"}):
            error = rest_client.problem(method, path, json=body, headers=headers)
            assert (error.code, error.current) == ("PRECONDITION_FAILED", row)
        response = rest_client.http.request(method, path, json=body, headers=[("If-Match", '"x"'), ("If-Match", current)])
        assert response.status_code == 200


def test_weak_tag_in_if_match_is_explained(rest_client: RestClient) -> None:
    task = rest_client.create("task", title="x")
    path = path_of("task", task)
    composed = rest_client.send("GET", f"{path}?include=tags").headers["etag"]

    for tag in (composed, f'W/"{task["revision"]}"'):
        error = rest_client.problem("PATCH", path, json={"title": "y"}, headers={"If-Match": tag})
        assert (error.status, error.current) == (412, task)
        assert 'Send "<revision>"' in error.detail
        assert f'now "{task["revision"]}"' in error.detail


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("value", ["7", "W/7", '"7', '"7", x', "", ",", "*, *", '*, "7"', "W/*", 'w/"7"', '"7" "8"', '"7";'])
def test_malformed_precondition_returns_422(rest_client: RestClient, header: str, value: str) -> None:
    path = path_of("task", rest_client.create("task", title="x"))

    for method, body in (("PATCH", {"title": "y"}), ("GET", None)):
        error = rest_client.problem(method, path, json=body, headers={header: value})
        assert (error.code, error.pointers) == ("INVALID_INPUT", [f"/{header.lower()}"])


@pytest.mark.parametrize("kind", KINDS)
def test_missing_row_is_reported_before_preconditions(rest_client: RestClient, kind: str) -> None:
    path = path_of(kind, {"id": str(uuid4())})

    for headers in ({"If-Match": '"1"'}, {"If-Match": "*"}, {"If-None-Match": "*"}):
        for method, query in (("GET", ""), ("GET", INCLUDE[kind]), ("PATCH", ""), ("DELETE", "")):
            body = {NAMES[kind]: "y"} if method == "PATCH" else None
            assert rest_client.problem(method, path + query, json=body, headers=headers).status == 404


@pytest.mark.parametrize("kind", KINDS)
def test_create_with_if_none_match_wildcard_requires_a_new_id(rest_client: RestClient, kind: str) -> None:
    task = rest_client.create("task", title="x")
    collection = f"/api/me/tasks/{task['id']}/comments" if kind == "comment" else f"/api/me/{PATHS[kind]}"
    body = {"id": str(uuid4()), NAMES[kind]: "x"}
    headers = {"If-None-Match": "*"}

    assert rest_client.send("POST", collection, json=body, headers=headers).status_code == 201
    for retry in (body, {**body, NAMES[kind]: "y"}):
        error = rest_client.problem("POST", collection, json=retry, headers=headers)
        assert (error.code, error.current) == ("PRECONDITION_FAILED", rest_client.get(kind, body["id"]))
    assert rest_client.send("POST", collection, json=body).status_code == 200
    assert rest_client.send("POST", collection, json={NAMES[kind]: "z"}, headers=headers).status_code == 201
    assert rest_client.problem("POST", collection, json={NAMES[kind]: "q"}, headers={"If-Match": '"1"'}).status == 412


def test_restore_compares_the_revision_of_the_deleted_row(rest_client: RestClient, graphql_client: GraphQLClient) -> None:
    task = rest_client.create("task", title="x")
    path = f"{path_of('task', task)}/restore"
    rest_client.delete("task", task["id"])
    deleted = {"id": task["id"], "deleted": True, "revision": task["revision"] + 1}

    error = rest_client.problem("POST", path, headers={"If-Match": f'"{task["revision"]}"'})
    assert (error.code, error.current) == ("PRECONDITION_FAILED", deleted)
    with expect_error("PRECONDITION_FAILED") as caught:
        graphql_client.run(
            "mutation($id: ID!, $r: Int) { restoreTask(id: $id, ifRevision: $r) { task { id } } }",
            id=task["id"],
            r=task["revision"],
        )
    assert caught.value.current == deleted
    assert rest_client.send("POST", path, headers={"If-Match": f'"{deleted["revision"]}"'}).json()["title"] == "x"


@pytest.mark.parametrize("verb", ["completeTask", "reopenTask", "toggleTask", "restoreTask"])
def test_graphql_mutation_of_one_task_checks_if_revision(graphql_client: GraphQLClient, verb: str) -> None:
    task = graphql_client.create("task", title="x")
    document = f"mutation($id: ID!, $r: Int) {{ {verb}(id: $id, ifRevision: $r) {{ task {{ id revision }} }} }}"

    with expect_error("PRECONDITION_FAILED") as caught:
        graphql_client.run(document, id=task["id"], r=task["revision"] + 1)

    assert caught.value.current == {"id": task["id"], "revision": task["revision"]}
    assert graphql_client.get("task", task["id"]) == task
    assert graphql_client.run(document, id=task["id"], r=task["revision"])
    assert graphql_client.run(document, id=task["id"], r=None)


def test_every_graphql_mutation_of_one_row_has_if_revision(graphql_client: GraphQLClient) -> None:
    fields = graphql_client.run('{ __type(name: "Mutation") { fields { name args { name } } } }')["__type"]["fields"]
    one_row = re.compile(r"(update|delete|complete|reopen|toggle|restore)(Task|List|Tag|Comment|Account)|(add|remove|merge)Tags")

    arguments = {field["name"]: {argument["name"] for argument in field["args"]} for field in fields}
    mutations = [name for name in arguments if one_row.fullmatch(name)]

    assert len(mutations) >= 17
    assert [name for name in mutations if "ifRevision" not in arguments[name]] == []


def test_account_has_its_revision_as_etag(rest_client: RestClient) -> None:
    rest_client.create("task", title="x")
    first = rest_client.send("GET", "/api/auth/me")

    assert first.headers["etag"] == f'"{first.json()["revision"]}"'
    assert "no-store" in first.headers["cache-control"], "the account of another user may have the same ETag"
    assert get(rest_client, "/api/auth/me", first.headers["etag"]).status_code == 304
    changed = rest_client.send("PATCH", "/api/auth/me", json={"name": "A"}, headers={"If-Match": first.headers["etag"]})
    assert changed.headers["etag"] == f'"{changed.json()["revision"]}"' != first.headers["etag"]
    assert get(rest_client, "/api/auth/me", first.headers["etag"]).status_code == 200
    for method, body in (("PATCH", {"name": "B"}), ("DELETE", None)):
        for headers in ({"If-Match": first.headers["etag"]}, {"If-None-Match": "*"}):
            error = rest_client.problem(method, "/api/auth/me", json=body, headers=headers)
            assert (error.code, error.current) == ("PRECONDITION_FAILED", changed.json())
    assert rest_client.send("GET", "/api/auth/me").json() == changed.json()
    assert rest_client.send("DELETE", "/api/auth/me", headers={"If-Match": changed.headers["etag"]}).status_code == 204


def test_graphql_account_mutations_check_if_revision(graphql_client: GraphQLClient) -> None:
    revision = graphql_client.me()["revision"]
    update = 'mutation($r: Int) { updateAccount(input: {name: "A"}, ifRevision: $r) { user { name revision } } }'

    for document in (update, "mutation($r: Int) { deleteAccount(ifRevision: $r) { id } }"):
        with expect_error("PRECONDITION_FAILED") as caught:
            graphql_client.run(document, r=revision + 1)
        assert caught.value.current["revision"] == revision
    assert graphql_client.run(update, r=revision)["updateAccount"]["user"]["name"] == "A"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_read_of_an_unchanged_row_returns_304(rest_client: RestClient, kind: str, method: str) -> None:
    row = create(rest_client, kind)
    path = path_of(kind, row)

    for lines in ([f'"{row["revision"]}"'], [f'W/"{row["revision"]}"'], ['"x"', f', "{row["revision"]}"'], ["*"]):
        response = get(rest_client, path, *lines, method=method)
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == f'"{row["revision"]}"'
        assert_cache_headers(response)
        assert "content-type" not in response.headers
    assert get(rest_client, path, f'"0{row["revision"]}"', method=method).status_code == 200
    rest_client.write("update", kind, row["id"], {NAMES[kind]: "y"})
    assert get(rest_client, path, f'"{row["revision"]}"', method=method).status_code == 200


def test_read_checks_if_match_before_if_none_match(rest_client: RestClient) -> None:
    task = rest_client.create("task", title="x")
    path, tag = path_of("task", task), f'"{task["revision"]}"'

    error = rest_client.problem("GET", path, headers={"If-Match": '"x"', "If-None-Match": tag})
    assert (error.status, error.current) == (412, task)
    assert rest_client.send("GET", path, headers={"If-Match": tag}).status_code == 200
    composed = rest_client.send("GET", f"{path}?include=tags").headers["etag"]
    for headers in ({"If-Match": composed}, {"If-Match": '"x"', "If-None-Match": composed}):
        assert rest_client.problem("GET", f"{path}?include=tags", headers=headers).status == 412
    assert rest_client.problem("GET", "/api/me/tasks", headers={"If-Match": composed}).status == 412


COMPOSED = [
    "/api/me/tasks",
    "/api/me/tasks?sort=title&limit=1",
    "/api/me/tasks/{task}?include=subtasks",
    "/api/me/tasks/{task}?fields=subtasks.title",
    "/api/me/tasks/{task}/subtasks",
    "/api/me/tasks/{task}/comments",
    "/api/me/lists",
    "/api/me/lists/{list}?include=tasks",
    "/api/me/lists/{list}/tasks",
    "/api/me/tags",
]


@pytest.mark.parametrize("path", COMPOSED)
def test_composed_representation_has_a_weak_tag_of_the_users_revision(rest_client: RestClient, path: str) -> None:
    home = rest_client.create("list", name="Home")
    task = rest_client.create("task", title="x", list_id=home["id"])
    path = path.format(task=task["id"], list=home["id"])
    first = rest_client.send("GET", path)
    tag = first.headers["etag"]

    assert re.fullmatch(r'W/"\d+-[0-9a-f]{24}"', tag)
    assert_cache_headers(first)
    for lines in ([tag], [tag.removeprefix("W/")], ['"x"', f",{tag}"]):
        for method in ("GET", "HEAD"):
            response = get(rest_client, path, *lines, method=method)
            assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
            assert_cache_headers(response)
    assert get(rest_client, path, "*").status_code == 304
    rest_client.create("task", title="part", parent_id=task["id"])
    changed = get(rest_client, path, tag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_weak_tags_differ_between_requests_and_users(service: RunningService, register_user: Callable[[], TestUser]) -> None:
    paths = ["/api/me/tasks", "/api/me/tasks?limit=1", "/api/me/tasks?limit=2", "/api/me/lists"]
    tags = []
    for user in (register_user(), register_user()):
        with RestClient(service.url, user.token) as client:
            tags += [client.send("GET", path).headers["etag"] for path in paths]

    assert len(set(tags)) == len(tags)


def test_304_requires_the_scope_and_valid_parameters(rest_client: RestClient, service: RunningService) -> None:
    with RestClient(service.url, rest_client.make_api_token(name="a", scopes=["account"])["token"]) as without_scope:
        for path in ("/api/me/tasks", f"/api/me/tasks/{uuid4()}?include=tags"):
            for tag in ("*", rest_client.send("GET", "/api/me/tasks").headers["etag"]):
                assert get(without_scope, path, tag).status_code == 403
    with RestClient(service.url, rest_client.make_api_token(name="a", scopes=["tasks:read"])["token"]) as tasks_only:
        for tag in ("*", rest_client.send("GET", "/api/auth/me").headers["etag"]):
            assert get(tasks_only, "/api/auth/me", tag).status_code == 403
    assert get(rest_client, "/api/me/tasks?sort=x", "*").status_code == 422
    assert get(rest_client, "/api/me/tasks?cursor=x", "*").status_code == 422
    assert get(rest_client, "/api/other/tasks", "*").status_code == 403
    with RestClient(service.url, None) as anonymous:
        assert get(anonymous, "/api/me/tasks", "*").status_code == 401


@pytest.mark.parametrize("path", ["/api/auth/sessions", "/api/auth/tokens"])
def test_credentials_have_a_hash_of_the_body_as_etag(rest_client: RestClient, user: TestUser, path: str) -> None:
    rest_client.make_api_token(name="a", scopes=["tasks:read"])
    first = rest_client.send("GET", path)
    tag = first.headers["etag"]

    assert re.fullmatch(r'W/"[0-9a-f]{24}"', tag)
    unchanged = get(rest_client, path, tag)
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    assert_cache_headers(unchanged)
    rest_client.create("task", title="x")
    assert get(rest_client, path, tag).status_code == 304, "the revision does not determine these responses"
    rest_client.make_api_token(name="b", scopes=["tasks:read"])
    rest_client.log_in(user.email, PASSWORD)
    assert get(rest_client, path, tag).status_code == 200


CREDENTIAL_WRITES = ["DELETE /sessions", "DELETE /sessions/{session}", "POST /tokens", "DELETE /tokens/{token}"]


@pytest.mark.parametrize("write", CREDENTIAL_WRITES)
@pytest.mark.parametrize("precondition", [("If-Match", '"1"'), ("If-Match", 'W/"x"'), ("If-None-Match", "*"), ("If-Match", "*")])
def test_writes_of_sessions_and_tokens_check_preconditions(
    rest_client: RestClient, service: RunningService, user: TestUser, write: str, precondition: tuple[str, str]
) -> None:
    """They have no revision, so no strong ETag: only `*` matches in If-Match, and it matches only what exists."""
    httpx.post(f"{service.url}/api/auth/login", data={"username": user.email, "password": PASSWORD}, verify=TLS)
    token = rest_client.make_api_token(name="x", scopes=["tasks:read"])
    session = next(session for session in rest_client.sessions() if not session["current"])
    method, _, path = write.format(session=session["id"], token=token["id"]).partition(" ")
    body = {"name": "y", "scopes": ["tasks:read"]} if method == "POST" else None
    expected = precondition == (("If-None-Match", "*") if method == "POST" else ("If-Match", "*"))

    response = rest_client.http.request(method, f"/api/auth{path}", headers=dict([precondition]), json=body)

    assert response.is_success is expected
    if not expected:
        problem = Problem.model_validate(response.json())
        assert (response.status_code, problem.error_code) == (412, "PRECONDITION_FAILED")
    assert (len(rest_client.sessions()), len(rest_client.api_tokens())) == {
        "DELETE /sessions": (2 - expected, 1),
        "DELETE /sessions/{session}": (2 - expected, 1),
        "POST /tokens": (2, 1 + expected),
        "DELETE /tokens/{token}": (2, 1 - expected),
    }[write]


def test_sessions_with_a_listed_entity_tag_are_not_revoked(rest_client: RestClient) -> None:
    tag = rest_client.http.get("/api/auth/sessions").headers["etag"]

    assert rest_client.http.delete("/api/auth/sessions", headers={"If-None-Match": tag}).status_code == 412
