"""Linters accept the committed OpenAPI document, and a generated TypeScript client compiles."""

from pathlib import Path

import pytest

from tests.support.npm import run_node

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
TOOLS = Path(__file__).parent / "openapi_tools"


@pytest.fixture(scope="module")
def problems() -> dict[str, list[str]]:
    """The problems that each linter finds."""
    found: dict[str, list[str]] = run_node(TOOLS / "lint.mjs", str(DOCUMENT))
    return found


@pytest.mark.parametrize("linter", ["redocly", "spectral"])
def test_openapi_document_has_no_lint_errors(problems: dict[str, list[str]], linter: str) -> None:
    assert [problem for problem in problems[linter] if problem.startswith("error")] == []


def test_generated_typescript_client_compiles_in_strict_mode() -> None:
    assert run_node(TOOLS / "compile.mjs", str(DOCUMENT)) == []
