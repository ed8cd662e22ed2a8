"""Pages in Chromium: they work, violate no Content-Security-Policy, and store no secrets."""

import os
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api_clients import TLS
from tests.support.npm import run_node
from tests.support.service import RunningService
from tests.support.users import PASSWORD, TestUser


@pytest.fixture(scope="module")
def visit(service: RunningService) -> Any:
    """Result of a visit: what the pages show and the browser stores, with a login and with an API token."""
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed")
        pytest.skip("chromium is not installed")
    email = "browser@example.com"
    user = TestUser.register(service.url, email=email)
    token = httpx.post(
        f"{service.url}/api/auth/tokens",
        json={"name": "browser", "scopes": ["tasks:read"]},
        headers={"Authorization": f"Bearer {user.token}"},
        verify=TLS,
    ).json()["token"]
    return run_node(Path(__file__).parent / "pages.mjs", chromium, service.url, email, PASSWORD, token)


def test_pages_violate_no_policy_and_log_no_errors(visit: Any) -> None:
    assert visit["console"] == []


def test_home_page_links_to_the_documentation(visit: Any) -> None:
    assert {"/docs", "/graphql", "/openapi.json"} <= set(visit["home"]["links"])


def test_docs_begin_with_authentication(visit: Any) -> None:
    assert visit["docs"]["tags"][0] == "Authentication"


def test_docs_dialog_asks_for_email_password_or_token_only(visit: Any) -> None:
    assert visit["docs"]["inputs"] == ["email", "password", "text"]
    assert visit["docs"]["error"] == "Invalid e-mail or password."


def test_docs_execute_succeeds_without_filling_in_parameters(visit: Any) -> None:
    assert visit["docs"]["statusAfterLogin"] == "200"
    assert visit["docs"]["statusWithApiToken"] == "200"


def test_docs_store_no_authorization(visit: Any) -> None:
    assert (visit["docs"]["stored"], visit["docs"]["storedWithApiToken"]) == ("{}", "{}")
    assert visit["docs"]["statusAfterReload"] == "401"


def test_graphiql_stores_no_queries(visit: Any) -> None:
    assert "refreshToken" in visit["graphiql"]["response"]
    assert visit["graphiql"]["stored"] == "{}"
