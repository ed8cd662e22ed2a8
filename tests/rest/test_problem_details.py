"""Problem details of rejected REST requests."""

import pytest

from services.query_engine.execution import budget
from tests.support.api_clients import RestClient
from tests.support.service import RunningService


def test_response_over_the_row_limit_returns_query_too_complex(rest_client: RestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_ROWS", 5)
    home = rest_client.create("list", name="Home")["id"]
    for number in range(6):
        rest_client.create("task", title=f"{number}", list_id=home)
    error = rest_client.problem("GET", f"/api/me/lists/{home}?include=tasks")

    assert (error.code, error.status) == ("QUERY_TOO_COMPLEX", 422)
    assert '"tasks"' in error.detail


def test_repeated_rows_count_per_occurrence_towards_the_row_limit(rest_client: RestClient) -> None:
    home = rest_client.create("list", name="Home")["id"]
    tag = rest_client.create("tag", name="a")["id"]
    for number in range(36):
        rest_client.create("task", title=f"{number}", list_id=home, tag_ids=[tag])

    # 36 tasks, each with its list, which has 36 tasks, and so on: few rows to read, but 36 x 36 x 36 in the response.
    for include in ("list.tasks.list.tasks", "tags.tasks.tags.tasks"):
        assert rest_client.send("GET", f"/api/me/tasks?include={include.rsplit('.', 1)[0]}").is_success
        assert rest_client.problem("GET", f"/api/me/tasks?include={include}").code == "QUERY_TOO_COMPLEX"


def test_method_not_allowed_lists_allowed_methods(rest_client: RestClient) -> None:
    response = rest_client.http.post("/api/me/tasks/01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e")

    assert (response.status_code, response.json()["error_code"]) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "DELETE, GET, HEAD, PATCH, PUT"


def test_unknown_path_returns_404(rest_client: RestClient) -> None:
    for path in ("/nope", "/api/me", "/api/me/tasks/", "/api/me/tasks//complete"):
        assert rest_client.problem("GET", path).code == "NOT_FOUND"


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonfoo", "", "nonsense"])
def test_unsupported_media_type_returns_415(rest_client: RestClient, media_type: str) -> None:
    error = rest_client.problem("POST", "/api/me/tasks", content=b'{"title": "x"}', headers={"Content-Type": media_type})

    assert (error.code, error.status) == ("UNSUPPORTED_MEDIA_TYPE", 415)


def test_login_requires_a_form_body(rest_client: RestClient) -> None:
    assert rest_client.problem("POST", "/api/auth/login", json={"username": "x", "password": "y"}).status == 415
    assert rest_client.problem("POST", "/api/auth/login", data={"username": "x"}).pointers == ["/password"]
    assert rest_client.problem("POST", "/api/auth/login", data={"username": "x\x00", "password": "y"}).code == "INVALID_INPUT"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert rest_client.problem("POST", "/api/auth/login", content=b"username=%ff&password=%ff", headers=form).status in {
        401,
        422,
    }


def test_body_over_the_size_limit_returns_413(rest_client: RestClient) -> None:
    large = b'{"title": "' + b"x" * 1024 * 1024 + b'"}'
    json = {"Content-Type": "application/json"}
    chunks = (large[start : start + 65536] for start in range(0, len(large), 65536))

    assert rest_client.problem("POST", "/api/me/tasks", content=large, headers=json).code == "PAYLOAD_TOO_LARGE"
    assert rest_client.problem("POST", "/api/me/tasks", content=chunks, headers=json).code == "PAYLOAD_TOO_LARGE"
    assert rest_client.page("task") == []


def test_unauthenticated_response_has_www_authenticate_header(service: RunningService) -> None:
    with RestClient(service.url, None) as anonymous:
        for headers in (
            {},
            {"Authorization": "Basic eDp5"},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer x.y.z"},
        ):
            response = anonymous.http.get("/api/me/tasks", headers=headers)
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
        latin = anonymous.http.get("/api/me/tasks", headers={b"Authorization": "Bearer é".encode()})
        assert latin.status_code == 401
