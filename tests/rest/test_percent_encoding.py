"""Percent-encoded paths: user ids with any character, and the addresses in Location and Link."""

from urllib.parse import quote

import httpx
import pytest

from tests.support.api_clients import TLS
from tests.support.service import SECRET, RunningService
from tests.support.users import sign_token

USER_IDS = [
    "auth0|a/b",
    "tasks",
    "comments",
    "a%2Fb",
    "a%b",
    "%25",
    "/",
    "a/tasks/b",
    "ü ?#&;=+",
    '<">',
    "x@y:z",
    ".",
    "..",
    "me",
]


@pytest.mark.parametrize("user_id", USER_IDS)
def test_user_id_with_any_character_works_in_its_own_paths(service: RunningService, user_id: str) -> None:
    token = sign_token({"sub": user_id}, SECRET)
    is_dot_segment = user_id in {".", ".."}
    prefix = "/api/" + (user_id.replace(".", "%2E") if is_dot_segment else quote(user_id, safe=""))
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {token}"}, verify=TLS, timeout=30) as client:

        def request(method: str, path: str, **arguments: object) -> httpx.Response:
            response = client.request(method, path, **arguments)  # type: ignore[arg-type]
            assert response.is_success, (path, response.text)
            return response

        created = request("POST", f"{prefix}/tasks", json={"title": "1"})
        request("POST", f"{prefix}/tasks", json={"title": "2"})
        comment = request("POST", f"{prefix}/tasks/{created.json()['id']}/comments", json={"body": "x"})
        first_page = request("GET", f"{prefix}/tasks?limit=1&search=")

        assert created.json()["user_id"] == user_id
        assert request("GET", created.headers["location"]).json() == created.json()
        assert comment.headers["location"] == f"{'/api/me' if is_dot_segment else prefix}/comments/{comment.json()['id']}"
        assert request("GET", comment.headers["location"]).json() == comment.json()
        second_page = request("GET", first_page.links["next"]["url"])
        assert {row["title"] for row in first_page.json() + second_page.json()} == {"1", "2"}


@pytest.mark.parametrize("segment", ["auth0%7Cother", "auth0%7Ca", "auth0%7Ca%2Fb%2F", "auth0%7Ca%252Fb", "auth0|a%2Fb%0A"])
def test_differently_encoded_user_id_is_another_user(service: RunningService, segment: str) -> None:
    headers = {"Authorization": f"Bearer {sign_token({'sub': 'auth0|a/b'}, SECRET)}"}

    assert httpx.get(f"{service.url}/api/{segment}/tasks", headers=headers, verify=TLS).status_code == 403
    for equivalent in ("auth0%7ca%2fb", "auth0|a%2Fb", "%61uth0|a%2Fb"):
        assert httpx.get(f"{service.url}/api/{equivalent}/%74asks", headers=headers, verify=TLS).status_code == 200


@pytest.mark.parametrize("path", ["/api/me/tasks%0A", "/health%0A", "/api%2Fme/tasks", "/api/me%2Ftasks", "/api/me/tasks%2F"])
def test_encoded_separator_or_line_feed_matches_no_route(service: RunningService, path: str) -> None:
    headers = {"Authorization": f"Bearer {sign_token({'sub': 'auth0|a/b'}, SECRET)}"}

    assert httpx.get(service.url + path, headers=headers, verify=TLS).status_code == 404
