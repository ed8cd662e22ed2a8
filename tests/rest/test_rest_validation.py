"""Validation of REST bodies, query parameters, paths and headers."""

import re
from typing import Any

import pytest

from tests.support.api_clients import ApiError, RestClient


def test_conflicting_status_and_completed_return_422(rest_client: RestClient) -> None:
    assert rest_client.create("task", title="x", completed=True)["status"] == "completed"
    assert rest_client.create("task", title="x", completed=False, status="in_progress")["status"] == "in_progress"
    for fields in ({"completed": True, "status": "pending"}, {"completed": False, "status": "completed"}):
        with pytest.raises(ApiError) as error:
            rest_client.create("task", title="x", **fields)
        assert error.value.code == "INVALID_INPUT"


def test_unknown_field_or_parameter_returns_pointer(rest_client: RestClient) -> None:
    assert rest_client.problem("POST", "/api/me/tasks", json={"title": "x", "tilte": "y"}).pointers == ["/tilte"]
    assert rest_client.problem("GET", "/api/me/tasks?stauts=pending").pointers == ["/stauts"]


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
def test_malformed_body_returns_422(rest_client: RestClient, body: bytes) -> None:
    error = rest_client.problem("POST", "/api/me/tasks", content=body, headers={"Content-Type": "application/json"})

    assert (error.code, error.status) == ("INVALID_INPUT", 422)


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
def test_invalid_query_parameter_returns_422(rest_client: RestClient, query: str) -> None:
    rest_client.create("task", title="x")

    error = rest_client.problem("GET", f"/api/me/tasks?{query}")

    assert (error.code, error.status) == ("INVALID_INPUT", 422)
    assert error.pointers == ["/" + query.split("=", maxsplit=1)[0]] or query.startswith("filter")


def test_years_before_1000_are_accepted(rest_client: RestClient) -> None:
    rest_client.create("task", title="x")

    assert rest_client.page("task", filter='{"created_at": {"gt": "0001-01-01T00:00:00Z"}}')
    assert rest_client.page("task", filter='{"created_at": {"gt": "0001-01-01T00:00:00+14:00"}}')
    assert rest_client.page("task", filter='{"created_at": {"lt": "9999-12-31T23:59:59-14:00"}}')


@pytest.mark.parametrize(
    "path", ["/api/me/tasks/x", "/api/me/tasks/%00", "/api/me/tasks/10000000000000000000000", "/api/me/tags/%ff"]
)
def test_invalid_id_in_path_returns_422(rest_client: RestClient, path: str) -> None:
    assert rest_client.problem("GET", path).pointers == ["/id"]


@pytest.mark.parametrize("tag", ["7", "W/7", '"7', '"7", x', ""])
def test_malformed_if_match_returns_422(rest_client: RestClient, tag: str) -> None:
    task = rest_client.create("task", title="x")

    error = rest_client.problem("PATCH", f"/api/me/tasks/{task['id']}", json={"title": "y"}, headers={"If-Match": tag})

    assert (error.code, error.pointers) == ("INVALID_INPUT", ["/if-match"])


def test_cursor_of_another_order_is_rejected(rest_client: RestClient) -> None:
    for number in range(2):
        rest_client.create("task", title=str(number))
    cursor = re.search(r"cursor=([^&>]+)", rest_client.send("GET", "/api/me/tasks?limit=1").headers["link"])
    assert cursor

    assert rest_client.problem("GET", f"/api/me/tasks?sort=title&cursor={cursor[1]}").pointers == ["/cursor"]


@pytest.mark.parametrize("digits", ["9" * 20, "9" * 5_000], ids=["beyond 64 bits", "beyond int()"])
@pytest.mark.parametrize(
    ("method", "path", "arguments"),
    [
        ("GET", "/api/me/tasks", {"params": {"limit": "{}"}}),
        ("GET", "/api/me/tasks", {"params": {"filter": '{{"revision": {{"eq": {}}}}}'}}),
        ("GET", "/api/me/tasks", {"params": {"filter": '{{"position": {{"gt": {}}}}}'}}),
        (
            "POST",
            "/api/me/tasks",
            {"content": '{{"title": "x", "position": {}}}', "headers": {"Content-Type": "application/json"}},
        ),
        ("DELETE", "/api/me/tasks/0198a000-0000-7000-8000-000000000000", {"headers": {"If-Match": '"{}"'}}),
        ("POST", "/api/auth/tokens", {"content": '{{"expires_in_days": {}}}', "headers": {"Content-Type": "application/json"}}),
    ],
)
def test_number_beyond_64_bits_is_no_internal_error(
    rest_client: RestClient, method: str, path: str, arguments: dict[str, Any], digits: str
) -> None:
    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fill(child) for key, child in value.items()}
        return value.format(digits)

    assert rest_client.http.request(method, path, **fill(arguments)).status_code < 500
