"""Valid values for parameters that the OpenAPI document describes as text only.

With random text and ids, schemathesis would seldom get past validation.
"""

import os
import random
from collections.abc import Iterator
from typing import Any

from schemathesis import Case
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import negated_parameters

from tests.fuzzing.schemathesis.environment import OWNER

USUALLY = 0.85

VALUES = {
    "fields": ("id", "id,revision"),
    "filter": (
        "{}",
        '{"or": []}',
        '{"title": {"contains": "a"}}',
        '{"not": {"tags": {"some": {}}}}',
        '{"list": {"name": {"ne": "x"}}}',
    ),
    "sort": ("created", "-updated", "-created"),
}
_TASK_RELATIONS = ("", "tags", "list,subtasks.tags", "comments,parent.subtasks")
RELATIONS = {
    "tasks": _TASK_RELATIONS,
    "subtasks": _TASK_RELATIONS,
    "lists": ("", "tasks"),
    "tags": ("tasks.tags",),
    "comments": ("task",),
}
REFERENCES = ("list_id", "parent_id", "tag_ids")
CURSOR, IF_MATCH, IF_NONE_MATCH, OWN_ID = "cursor", "if-match", "if-none-match", "id"


def fill_parameters(case: Case[Any], rng: random.Random) -> None:
    """Set valid values in most cases, unless the case tests the parameter."""
    tested = {name for name, _ in negated_parameters(case.meta)}
    if isinstance(case.query, dict):
        _fill_query(case, case.query, tested, rng)
    if "user_id" in (case.path_parameters or {}) and "user_id" not in tested and rng.random() < USUALLY:
        # The id too: the object level authorization check compares the responses that other users get for it.
        case.path_parameters["user_id"] = rng.choice(["me", os.environ[OWNER]])
    _fill_preconditions(case, tested, rng)
    if isinstance(case.body, dict) and not tested:
        # Most ids that schemathesis knows belong to another type, and an own `id` to another row.
        unwanted = {name for name in (OWN_ID, *REFERENCES) if rng.random() < USUALLY}
        if not unwanted.isdisjoint(case.body):
            case.body = {name: value for name, value in case.body.items() if name not in unwanted}


def _fill_query(case: Case[Any], query: dict[str, Any], tested: set[str], rng: random.Random) -> None:
    segments = [part for part in case.path.split("/") if not part.startswith("{")]
    values_by_name = VALUES | {"include": RELATIONS.get(segments[-1], ("",))}
    for name in query.keys() & values_by_name.keys() - tested:
        if rng.random() < USUALLY:
            query[name] = rng.choice(values_by_name[name])
    if CURSOR in query and CURSOR not in tested and rng.random() < USUALLY:
        del query[CURSOR]


def _fill_preconditions(case: Case[Any], tested: set[str], rng: random.Random) -> None:
    """Set preconditions that most rows fulfil. A row that is to be created exists only if its id was used before."""
    is_create = case.method == "POST" and not case.path.endswith("/restore")
    values = {IF_MATCH: None if is_create else "*", IF_NONE_MATCH: '"0"'}
    for name in (values.keys() & (case.headers or {}).keys()) - tested:
        if _has_invalid_header(case) or rng.random() < USUALLY:
            value = values[name]
            if value is None:
                del case.headers[name]
            else:
                case.headers[name] = value


def _has_invalid_header(case: Case[Any]) -> bool:
    """Return whether the coverage phase filled an optional header with an invalid value for want of a valid one."""
    return any(location is ParameterLocation.HEADER for location in _negative(case))


def _negative(case: Case[Any]) -> Iterator[ParameterLocation]:
    components = case.meta.components if case.meta else {}
    return (location for location, component in components.items() if component.mode is GenerationMode.NEGATIVE)
