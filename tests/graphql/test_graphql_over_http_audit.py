"""The graphql-http audit, and Apollo and urql clients with automatic persisted queries."""

from pathlib import Path

from tests.support.npm import run_node
from tests.support.service import RunningService
from tests.support.users import TestUser

FOLDER = Path(__file__).parent / "over_http"
AUDIT_COUNT = 61
REASON = "graphql-http 1.23.1 audits a draft; the edition of September 2026, 5.4 Status Codes, requires 422 "
EXPECTED_FAILURES = {
    "423L": REASON + "for a request that is not well-formed (the audit: MAY use 400).",
    "86EE": REASON + "if variables cannot be coerced (the audit: SHOULD use 400).",
}


def test_graphql_http_audit_passes_except_for_outdated_checks(service: RunningService) -> None:
    results = run_node(FOLDER / "audits.mjs", f"{service.url}/graphql")

    assert len({result["id"] for result in results}) == AUDIT_COUNT
    failed = {
        result["id"]: f"{result['status']}: {result['name']}: {result['reason']}" for result in results if "reason" in result
    }
    assert {result["id"] for result in results if result["status"] != "ok"} == failed.keys()
    assert failed.keys() == EXPECTED_FAILURES.keys(), failed


def test_apollo_and_urql_use_persisted_queries(service: RunningService, user: TestUser) -> None:
    """A client first sends only the hash, gets PersistedQueryNotFound, then sends the document; later the hash is enough."""
    results = run_node(FOLDER / "clients.mjs", f"{service.url}/graphql", user.token)

    def exchanges(client: str) -> list[tuple[str, bool, int]]:
        return [(exchange["method"], exchange["document"], exchange["status"]) for exchange in results[client]["exchanges"]]

    assert results["apollo"]["names"] == ["Someone", "Someone"]
    assert exchanges("apollo") == [("GET", False, 404), ("POST", True, 200), ("GET", False, 200)]
    assert results["urql"]["names"] == ["Someone", "Someone", "Ada"]
    assert exchanges("urql") == [
        ("GET", False, 200),
        ("GET", True, 200),
        ("GET", False, 200),
        ("POST", False, 200),
        ("POST", True, 200),
    ]
