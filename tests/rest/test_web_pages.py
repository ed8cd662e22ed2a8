"""Pages and security headers: /, /docs, /graphql, the favicon, and `nosniff` in every response."""

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from api.web.page import HtmlPage
from tests.support.api_clients import TLS
from tests.support.service import PostgresServer, RunningService, run_service, settings_for

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def get(url: str, accept: str = BROWSER) -> httpx.Response:
    return httpx.get(url, headers={"Accept": accept}, verify=TLS)


@pytest.mark.parametrize("path", ["/", "/docs", "/graphql"])
def test_pages_have_security_headers(service: RunningService, path: str) -> None:
    response = get(service.url + path)
    policy = response.headers["content-security-policy"]

    assert response.headers["content-type"].startswith("text/html")
    assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    scripts = next(directive for directive in policy.split("; ") if directive.startswith("script-src"))
    assert "unsafe" not in scripts
    assert scripts.count("sha256-") == response.text.count("<script>")
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_policy_allows_the_inline_scripts_of_the_page_only() -> None:
    policy = HtmlPage("<script>1</script>").response().headers["content-security-policy"]

    assert "script-src 'self' 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='" in policy


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/health", {}),
        ("GET", "/api/me/tasks", {}),
        ("GET", "/unknown", {}),
        ("PATCH", "/health", {}),
        ("GET", "/docs/files/swagger-ui.css", {}),
        ("GET", "/openapi.json", {}),
        ("POST", "/graphql", {"Content-Type": "application/json"}),
        ("GET", "/graphql", {"Accept": "image/png"}),
        ("OPTIONS", "/api/me/tasks", {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "PUT"}),
    ],
)
def test_every_response_has_nosniff(service: RunningService, method: str, path: str, headers: dict[str, str]) -> None:
    response = httpx.request(method, service.url + path, headers=headers, verify=TLS)

    assert response.headers.get_list("x-content-type-options") == ["nosniff"]


def test_response_to_malformed_request_has_nosniff(service: RunningService) -> None:
    with socket.create_connection((urlsplit(service.url).hostname, urlsplit(service.url).port), timeout=5) as connection:
        connection.sendall(b"not HTTP\r\n\r\n")
        response = connection.recv(4096)

    assert response.startswith(b"HTTP/1.1 400")
    assert response.lower().count(b"x-content-type-options: nosniff") == 1


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html;q=0.9"])
def test_home_is_json_for_programs(service: RunningService, accept: str) -> None:
    response = get(service.url, accept)

    assert response.headers["content-type"] == "application/json"
    assert "Accept" in response.headers["vary"]
    assert response.json().keys() == {"name", "version", "api", "docs", "openapi", "graphql"}


def test_home_is_a_page_for_browsers(service: RunningService) -> None:
    response = get(service.url)

    assert "Accept" in response.headers["vary"]
    assert '<a href="/docs">' in response.text
    assert "$" not in response.text


def test_home_omits_disabled_documentation(postgres: PostgresServer) -> None:
    database = postgres.copy("template_todo")
    with run_service(settings_for(database, docs_enabled=False), database) as service:
        assert "docs" not in get(service.url, "*/*").json()
        assert '"/docs"' not in get(service.url).text
        assert get(f"{service.url}/favicon.ico").status_code == 200


def test_favicon_is_an_icon(service: RunningService) -> None:
    response = get(f"{service.url}/favicon.ico")

    assert response.headers["content-type"] == "image/x-icon"
    assert response.content.startswith(b"\x00\x00\x01\x00")


def test_openapi_document_is_encoded_once_and_returns_304(service: RunningService) -> None:
    url = f"{service.url}/openapi.json"
    first = get(url)

    assert (first.status_code, first.headers["content-type"], first.json()["info"]["title"]) == (200, "application/json", "Todo")
    for known, status in ((first.headers["etag"], 304), (f'"other", {first.headers["etag"]}', 304), ("*", 304), ('"other"', 200)):
        response = httpx.get(url, headers={"If-None-Match": known}, verify=TLS)
        assert (response.status_code, response.headers["etag"]) == (status, first.headers["etag"])
        assert response.content == (b"" if status == 304 else first.content)
    assert httpx.get(url, headers={"If-None-Match": "other"}, verify=TLS).json()["error_code"] == "INVALID_INPUT"
