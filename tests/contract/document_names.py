"""Links, settings, paths and error codes that Markdown documents mention."""

import json
import pkgutil
import re
from functools import cache
from importlib import import_module
from pathlib import Path

from graphql import GraphQLEnumType

import api
import graphql_schema
import services
from api.settings import DEPRECATED_NAMES, setting_names
from graphql_schema.schema import build_schema
from services.errors import TodoError

ROOT = Path(__file__).resolve().parents[2]
# Changelog and results mention former names, and so do decision records (docs/adr).
_HISTORY = {"CHANGELOG.md", "bench/RESULTS.md"}
_DEPRECATED_NAMES_ALLOWED_IN = {"docs/guides/configuration.md"}
# Upper-case names with an underscore that are neither settings, error codes nor enum values.
_OTHER_NAMES = {
    "REFRESH_TOKEN": "a variable of the examples",
    "ACCESS_TOKEN": "a variable of the examples",
    "DATABASE_ERROR": "an example of graphql-http",
}
_OTHER_PATHS = {"/graphql", "/docs", "/openapi.json"}
_SKIPPED_FOLDERS = {".venv", "node_modules", ".data"}
_FENCES = re.compile(r"^```.*?^```[ ]*$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_NAME = re.compile(r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=.*)?")
_ENDPOINT = re.compile(r"(?:(GET|POST|PUT|PATCH|DELETE) +)?(/[^\s`]*)")


def markdown_files() -> list[Path]:
    """Return all Markdown files of the repository."""
    return sorted(path for path in ROOT.rglob("*.md") if not _SKIPPED_FOLDERS & set(path.relative_to(ROOT).parts))


def documents_with_names() -> list[Path]:
    """Return the documents that describe the present state."""
    return [path for path in markdown_files() if _relative(path) not in _HISTORY and "adr" not in path.parts]


def relative_links(document: Path) -> list[str]:
    """Return the targets of links that are not addresses."""
    prose = _SPAN.sub("", _FENCES.sub("", document.read_text()))
    targets = [first or second for first, second in _LINK.findall(prose)]
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def resolves(document: Path, link: str) -> bool:
    """Return whether the file exists, and has the heading that the anchor names."""
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    if not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in _anchors(target.read_text())


def code_spans(markdown: str) -> list[str]:
    """Return inline code: texts in backticks outside fenced blocks."""
    return [" ".join(text.split()) for _, text in _SPAN.findall(_FENCES.sub("", markdown))]


def is_known(span: str, document: Path) -> bool:
    """Return whether the setting, error code, enum value or endpoint exists. Other spans are not checked."""
    if name := _NAME.fullmatch(span):
        deprecated = _relative(document) in _DEPRECATED_NAMES_ALLOWED_IN and name[1].lower() in DEPRECATED_NAMES
        return name[1] in _known_names() or deprecated
    if (endpoint := _ENDPOINT.fullmatch(span)) and (endpoint[1] or endpoint[2].startswith("/api/")):
        return _is_endpoint(endpoint[1], endpoint[2])
    return True


@cache
def error_codes() -> set[str]:
    """Return the codes of all errors."""
    for package in (api, graphql_schema, services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name != "api.main":  # builds the service
                import_module(module.name)
    return {error.code for error in _subclasses(TodoError)}


def _subclasses(error: type[TodoError]) -> set[type[TodoError]]:
    return {error, *(each for child in error.__subclasses__() for each in _subclasses(child))} - {TodoError}


@cache
def _known_names() -> set[str]:
    types = build_schema()._schema.type_map.values()
    values = {value for type_ in types if isinstance(type_, GraphQLEnumType) for value in type_.values}
    return {*setting_names(), *error_codes(), *values, *_OTHER_NAMES}


@cache
def _endpoints() -> dict[str, set[str]]:
    """Return the methods of all paths, with `{}` for each parameter."""
    paths = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    declared = {re.sub(r"\{\w+\}", "{}", path): {method.upper() for method in methods} for path, methods in paths.items()}
    return declared | {path: {"GET", "POST"} for path in _OTHER_PATHS}


def _is_endpoint(method: str | None, path: str) -> bool:
    known = re.sub(r"\{\w+\}", "{}", path.partition("?")[0].replace("/api/me/", "/api/{}/"))
    methods = _endpoints().get(known)
    return methods is not None and (not method or method in methods)


def _anchors(markdown: str) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    anchors: set[str] = set()
    for heading in _HEADING.findall(_FENCES.sub("", markdown)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = unique = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        number = 0
        while unique in anchors:
            number += 1
            unique = f"{anchor}-{number}"
        anchors.add(unique)
    return anchors


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
