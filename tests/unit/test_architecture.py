"""Architecture rules that linters do not cover."""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.tables import TABLES
from tests.support.vocabulary import BANNED_DOCSTRING_STARTS, find_banned_words, is_allowed

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "graphql_schema", "services", "models")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) if "versions" not in path.parts]
TRACKED = [
    Path(line)
    for line in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S607
    if not line.endswith(("package-lock.json", "vocabulary.py", "test_architecture.py", "LICENSE", ".ico"))
]
MAX_MODULES = 17
OWNED = {table.__name__ for table in TABLES} - {"User", "DeletedUser"}

# Modules that may begin queries on owned tables; each of them names the user.
QUERY_MODULES = {
    "models/task.py",
    "models/user.py",
    "services/external_users.py",
    "services/user_context.py",
    "services/unit_of_work.py",
    "services/task_hierarchy.py",
    "services/query_engine/execution/node_lookup.py",
    "services/query_engine/planning/filter_sql.py",
    "services/query_engine/planning/planner.py",
}
# Modules whose functions take a user id: the access tokens that name it, and the query engine below the context.
USER_ID_ARGUMENTS = {
    "services/external_users.py",
    "services/auth/access_tokens.py",
    "services/query_engine/cursors.py",
    "services/query_engine/execution/executor.py",
    "services/query_engine/execution/node_lookup.py",
}


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

    assert offending == [], f"{path}: begin at transaction.owned() or transaction.active() instead"


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
    offending = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "services").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and "user_id" in {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
    }

    assert offending == USER_ID_ARGUMENTS


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
            assert text in {"SET NULL", "SET LOCAL", "SET revision", "SET last"}, f"{path}: {text}"


def test_no_folder_holds_more_than_17_modules() -> None:
    folders = Counter(path.parent for path in TRACKED if path.suffix == ".py" and "versions" not in path.parts)

    assert {str(folder): count for folder, count in folders.items() if count > MAX_MODULES} == {}


def test_no_test_module_imports_another() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        assert not re.search(r"^(from|import) tests\.[\w.]*\btest_", path.read_text(), re.MULTILINE), path


@pytest.mark.parametrize("path", [str(path) for path in TRACKED if path.suffix not in {".svg", ".png"}])
def test_names_and_texts_use_standard_terms(path: str) -> None:
    found = [finding for finding in find_banned_words(path, (ROOT / path).read_text()) if not is_allowed(finding)]

    assert not found, "\n" + "\n".join(map(str, found))


def test_docstrings_begin_with_a_noun_phrase_or_a_standard_verb() -> None:
    offending = [
        f"{path}:{docstring.splitlines()[0]}"
        for path in TRACKED
        if path.suffix == ".py"
        for docstring in docstrings(ROOT / path)
        if docstring.split()[0].rstrip(",.:") in BANNED_DOCSTRING_STARTS
    ]

    assert offending == []


def docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield docstring


@pytest.mark.parametrize(
    "text", ["open_door", "class HouseKeeper", "the rooms", "# A stranger knocks", "let go\n of", "whoever_asks"]
)
def test_vocabulary_check_detects_violations(text: str) -> None:
    assert list(find_banned_words("x.py", text))


@pytest.mark.parametrize("text", ["bearer token", "warehouse", "aggregate", "groom", "bedroom_x", "living_room"[:3]])
def test_vocabulary_check_accepts_other_words(text: str) -> None:
    assert not list(find_banned_words("x.py", text))
