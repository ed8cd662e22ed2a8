"""Architecture rules that linters do not cover."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.tables import TABLES

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "graphql_schema", "services", "models")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) if "versions" not in path.parts]
OWNED = {table.__name__ for table in TABLES} - {"User", "DeletedUser"}

# Modules that may begin queries on owned tables; each of them names the user.
QUERY_MODULES = {
    "services/user_context.py",
    "services/unit_of_work.py",
    "services/task_hierarchy.py",
    "services/query_engine/execution/node_lookup.py",
    "services/query_engine/planning/filter_sql.py",
}
QUERY_MODULES |= {"services/query_engine/planning/planner.py", "services/reading/graph.py"}


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def begins_a_query_on_owned_rows(call: ast.Call) -> bool:
    """Return whether a call begins a query, such as select(Task…), update(Task), session.get(Task, …), session.query(Task)."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    mentioned = {node.id for argument in call.args for node in ast.walk(argument) if isinstance(node, ast.Name)}
    return name in {"select", "update", "delete", "get", "get_one", "query", "exec", "merge"} and bool(mentioned & OWNED)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_owned_tables_are_queried_through_the_context_only(path: Path) -> None:
    if str(path.relative_to(ROOT)) in QUERY_MODULES:
        return
    offending = [call.lineno for call in calls(path) if begins_a_query_on_owned_rows(call)]

    assert offending == [], f"{path}: begin at transaction.owned() or transaction.living() instead"


def test_query_check_detects_violations() -> None:
    for source in ("select(Task)", "session.get(Task, x)", "select(col(Task.id))", "delete(Comment)", "select(func.max(Tag.id))"):
        assert begins_a_query_on_owned_rows(next(calls_in(source)))
    for source in ("select(User)", "transaction.owned(Task)", "tasks.get(x)"):
        assert not begins_a_query_on_owned_rows(next(calls_in(source)))


def calls_in(source: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))


def test_query_modules_reference_user_id() -> None:
    for module in QUERY_MODULES - {"services/query_engine/planning/filter_sql.py"}:
        assert "user_id" in (ROOT / module).read_text(), module


def test_no_service_method_takes_a_user_id() -> None:
    for path in (ROOT / "services").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and path.name != "tokens.py":
                assert "user_id" not in {argument.arg for argument in node.args.args}, f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_imports_inside_functions(path: Path) -> None:
    tree = ast.parse(path.read_text())
    inner = [
        node.lineno
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inner == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_has_a_docstring(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_environment_is_read_by_settings_only() -> None:
    for path in SOURCES:
        if path.name not in {"settings.py", "cli.py"}:
            assert not re.search(r"os\.environ|os\.getenv|BaseSettings", path.read_text()), path


def test_session_level_set_statements_are_absent() -> None:
    """A pooler in transaction mode would keep them for the next transaction."""
    for path in SOURCES:
        for text in re.findall(r"\bSET (?!LOCAL\b)[A-Za-z]+", path.read_text()):
            assert text in {"SET NULL", "SET LOCAL", "SET revision"}, f"{path}: {text}"
