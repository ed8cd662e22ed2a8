"""Files and functions named in the contributors' documents: they exist, and the four requests pass through them.

A name in backticks right after a path, or before "in" and a path, must be defined in that file. Any other name that is written
like an identifier must occur in the sources.
"""

import ast
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType

import httpx
import pytest

from tests.support.service import PostgresServer, run_service, settings_for
from tests.support.users import PASSWORD, TestUser

ROOT = Path(__file__).parents[2]
ARCHITECTURE = ROOT / "docs" / "architecture.md"
DOCUMENTS = [ARCHITECTURE, ROOT / "docs" / "glossary.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "adr").glob("*.md"))]
PACKAGES = ("api", "graphql_schema", "services", "models")
_FOLDERS = (*PACKAGES, "tests", "bench", "docs")
# Names of other projects, of former modules, and of examples.
OTHER_NAMES = {
    "with_loader_criteria": "SQLAlchemy",
    "set_config": "PostgreSQL",
    "PyJWKClient": "PyJWT",
    "NewType": "Python",
    "startTask": "an example",
    "start_task": "an example",
    "add_column": "Alembic",
}
_FENCES = re.compile(r"^ *```.*?^ *```[ ]*$", re.DOTALL | re.MULTILINE)
_PYTHON = re.compile(r"^ *```python\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`]+)`")
_PATH = re.compile(r"[\w.]+(?:/[\w.-]+)+|[\w-]+\.(?:md|toml|lock)")
_NAME = re.compile(r"_?[A-Za-z]\w*(?:\.\w+)*")
_HEADING = re.compile(r"^###? (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Module:
    """Qualified names that a module defines, and the names of the bases of its classes."""

    names: frozenset[str]
    bases: dict[str, list[str]]


@cache
def read_module(path: str) -> Module:
    """Parse the module."""
    names: set[str] = set()
    bases: dict[str, list[str]] = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(prefix + child.name)
                if isinstance(child, ast.ClassDef):
                    bases[child.name] = [base.id for base in map(_unsubscripted, child.bases) if isinstance(base, ast.Name)]
                    visit(child, f"{prefix}{child.name}.")
                elif prefix:
                    visit(child, prefix)
            elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                names.add(prefix + child.id)
            elif isinstance(child, ast.Attribute) and isinstance(child.ctx, ast.Store):
                names.add(prefix + child.attr)
            else:
                visit(child, prefix)

    visit(ast.parse((ROOT / path).read_text()), "")
    return Module(frozenset(names), bases)


def _unsubscripted(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Subscript) else node


@cache
def python_files() -> list[str]:
    """Return the paths of the sources."""
    return [path.relative_to(ROOT).as_posix() for folder in _FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


@cache
def words_of_sources() -> frozenset[str]:
    """Return all words of the sources, the settings and the GraphQL schema, without the documents and this test."""
    files = [ROOT / path for path in python_files() if path != "tests/contract/test_architecture_documents.py"]
    files += [ROOT / name for name in ("pyproject.toml", ".env.example", "docs/schema.graphql", "docs/openapi.json")]
    return frozenset(word for path in files for word in re.findall(r"\w+", path.read_text()))


def is_defined(name: str, path: str) -> bool:
    """Return whether the module defines the name. A method may be inherited by the class that is named."""
    module = read_module(path)
    if name in module.names:
        return True
    class_name, dot, member = name.rpartition(".")
    if not dot or class_name not in module.names:
        return False
    return any(is_member(base, member) for base in module.bases.get(class_name, []))


def is_member(class_name: str, member: str) -> bool:
    """Return whether any class of this name, or a base of it, defines the member."""
    for path in python_files():
        module = read_module(path)
        if class_name in module.bases and (
            f"{class_name}.{member}" in module.names or any(is_member(base, member) for base in module.bases[class_name])
        ):
            return True
    return False


def is_path(span: str) -> bool:
    """Return whether the text is written like a path of this repository."""
    return bool(_PATH.fullmatch(span)) and ("/" not in span or span.partition("/")[0] in _FOLDERS)


def is_identifier(span: str) -> bool:
    """Return whether the text is written like an identifier: with a dot, an underscore, or capitals inside."""
    return bool(_NAME.fullmatch(span)) and bool(re.search(r"[._]\w|[a-z][A-Z]", span))


def wrong_names(markdown: str) -> Iterator[str]:
    """Yield each path and name that does not exist."""
    text = _FENCES.sub("", markdown)
    spans = list(_SPAN.finditer(text))
    path = ""
    for index, match in enumerate(spans):
        span = match[1].removesuffix("()")
        between = text[spans[index - 1].end() : match.start()] if index else ""
        if "\n" in between or not re.fullmatch(r"[ ,|]*", between):
            path = ""
        if is_path(span):
            path = span if span.endswith(".py") else ""
            if not (ROOT / span).exists():
                yield span
            continue
        following = spans[index + 1] if index + 1 < len(spans) else None
        if following and text[match.end() : following.start()].split() == ["in"] and following[1].endswith(".py"):
            path = following[1]
        if not _NAME.fullmatch(span):
            continue
        if path and (ROOT / path).exists():
            if not is_defined(span, path):
                yield f"{path}: {span}"
        elif is_identifier(span) and not is_known(span):
            yield span


def is_known(name: str) -> bool:
    """Return whether a class of the sources has this member, or else whether all parts occur in the sources."""
    first, _, rest = name.partition(".")
    if name in OTHER_NAMES or first in OTHER_NAMES:
        return True
    if rest and any(first in read_module(path).bases for path in python_files()):
        return is_member(first, rest)
    return all(part in words_of_sources() for part in name.split("."))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_paths_and_names_exist(document: Path) -> None:
    assert list(wrong_names(document.read_text())) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_names_in_code_examples_exist(document: Path) -> None:
    code = "\n".join(_PYTHON.findall(document.read_text()))
    names = {word for word in re.findall(r"\w+", re.sub(r'"[^"]*"', "", code)) if is_identifier(word)}
    assert {name for name in names if not is_known(name)} == set()


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("`services/gone.py`", ["services/gone.py"]),
        ("| `services/tasks.py` | `TaskService.gone` |", ["services/tasks.py: TaskService.gone"]),
        ("| `services/tasks.py` `gone` |", ["services/tasks.py: gone"]),
        ("`gone` in `services/tasks.py`", ["services/tasks.py: gone"]),
        ("`TaskService.gone`, `GoneServiceX`, `gone_function_x`", ["TaskService.gone", "GoneServiceX", "gone_function_x"]),
        ("`services/tasks.py` `TaskService.create` `TaskService.complete`; `TaskService.delete`; `make test`", []),
    ],
)
def test_wrong_names_are_found(markdown: str, expected: list[str]) -> None:
    assert list(wrong_names(markdown)) == expected


Calls = set[tuple[str, str]]


@contextmanager
def record_calls(calls: Calls) -> Iterator[None]:
    """Record the own functions that threads call, as (path, qualified name), if the threads are started inside."""
    prefix = f"{ROOT}/"

    def record(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(prefix):
            calls.add((code.co_filename.removeprefix(prefix), code.co_qualname))

    threading.setprofile(record)
    previous = sys.getprofile()
    sys.setprofile(record)
    try:
        yield
    finally:
        sys.setprofile(previous)
        threading.setprofile(None)


def documented_functions(section: str) -> list[tuple[str, str]]:
    """Return the functions in the tables of a section, as (path, qualified name), without classes."""
    parts = _HEADING.split(ARCHITECTURE.read_text())
    text = parts[parts.index(section) + 1]
    rows = re.findall(r"^\| (`\S+\.py`) \| ([^|]+) \|", text, re.MULTILINE)
    functions = [(path.strip("`"), name) for path, names in rows for name in _SPAN.findall(names)]
    return [(path, name) for path, name in functions if not name.rpartition(".")[2][0].isupper()]


def is_called(path: str, name: str, calls: Calls) -> bool:
    """Return whether the function was called, or one inside it; of an abstract method, one of the same name in the file."""
    called_in_file = [called for called_path, called in calls if called_path == path]
    method = name.rpartition(".")[2]
    return any(called.startswith(f"{name}.<locals>") or called.rpartition(".")[2] == method for called in called_in_file)


LIST = "{ lists(first: 10) { nodes { name tasks(first: 20) { nodes { title tags { name } } } } } }"
CREATE = "mutation($input: CreateTaskInput!) { createTask(input: $input) { task { id title status } } }"


def test_requests_pass_through_the_documented_functions(database: PostgresServer) -> None:
    calls: Calls = set()
    passed: dict[str, Calls] = {}
    with record_calls(calls), run_service(settings_for(database, rate_limit_requests="1000/minute"), database) as service:
        user = TestUser.register(service.url)
        headers = {"Authorization": f"Bearer {user.token}"}
        started = set(calls)
        with httpx.Client(base_url=service.url, headers=headers) as http:
            list_id = http.post("/api/me/lists", json={"name": "A"}).json()["id"]
            for _ in range(2):
                http.post("/api/me/tasks", json={"title": "A", "list_id": list_id})

            def post(document: str, **variables: object) -> httpx.Response:
                return http.post("/graphql", json={"query": document, "variables": variables})

            requests: dict[str, Callable[[], httpx.Response]] = {
                "REST list": lambda: http.get("/api/me/tasks", params={"limit": 1}),
                "Nested GraphQL query": lambda: post(LIST),
                "createTask": lambda: post(CREATE, input={"title": "A"}),
                "Login": lambda: http.post("/api/auth/login", data={"username": user.email, "password": PASSWORD}),
            }
            for section, request in requests.items():
                calls.clear()
                for _ in range(2):  # the second time, caches are warm
                    response = request()
                    assert response.status_code == 200, response.text
                    assert b'"errors"' not in response.content
                passed[section] = started | calls

    passed["Before the endpoint"] = passed["REST list"]
    passed["Transaction and query engine"] = set.union(*passed.values())
    not_called = [
        f"{section}: {path} {name}"
        for section, functions in passed.items()
        for path, name in documented_functions(section)
        if not is_called(path, name, functions)
    ]
    assert not_called == []
    assert all(documented_functions(section) for section in passed)
