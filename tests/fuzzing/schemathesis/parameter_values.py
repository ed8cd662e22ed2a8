"""Values that schemathesis could not think of, for places that have a language of their own or name what is there.

It knows these places only as texts and ids, and would seldom get past them to whatever stands behind.
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

MOSTLY = 0.85

WORDS = {
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
_OF_TASKS = ("", "tags", "list,subtasks.tags", "comments,parent.subtasks")
RELATIONS = {"tasks": _OF_TASKS, "subtasks": _OF_TASKS, "lists": ("", "tasks"), "tags": ("tasks.tags",), "comments": ("task",)}
REFERENCES = ("list_id", "parent_id", "tag_ids")
CURSOR, IF_MATCH, OWN_ID = "cursor", "if-match", "id"


def speak(case: Case[Any], dice: random.Random) -> None:
    """Give a case such values, most of the time, unless this is what the case is about."""
    about = {name for name, _ in negated_parameters(case.meta)}
    if isinstance(case.query, dict):
        _ask(case, case.query, about, dice)
    if "user_id" in (case.path_parameters or {}) and "user_id" not in about and dice.random() < MOSTLY:
        # The id too: what others get under it is what the check of object level authorization is about.
        case.path_parameters["user_id"] = dice.choice(["me", os.environ[OWNER]])
    if IF_MATCH in (case.headers or {}) and IF_MATCH not in about and (_is_seeded_wrongly(case) or dice.random() < MOSTLY):
        case.headers[IF_MATCH] = "*"
    if isinstance(case.body, dict) and not about:
        # Most ids that it knows are of something else, and an id of one's own is that of another row.
        unwanted = {name for name in (OWN_ID, *REFERENCES) if dice.random() < MOSTLY}
        if not unwanted.isdisjoint(case.body):
            case.body = {name: value for name, value in case.body.items() if name not in unwanted}


def _ask(case: Case[Any], query: dict[str, Any], about: set[str], dice: random.Random) -> None:
    nouns = [part for part in case.path.split("/") if not part.startswith("{")]
    words = WORDS | {"include": RELATIONS.get(nouns[-1], ("",))}
    for name in query.keys() & words.keys() - about:
        if dice.random() < MOSTLY:
            query[name] = dice.choice(words[name])
    if CURSOR in query and CURSOR not in about and dice.random() < MOSTLY:
        del query[CURSOR]


def _is_seeded_wrongly(case: Case[Any]) -> bool:
    """The coverage phase fills a header that may be left out with an invalid value where it finds no valid one."""
    return any(location is ParameterLocation.HEADER for location in _negative(case))


def _negative(case: Case[Any]) -> Iterator[ParameterLocation]:
    components = case.meta.components if case.meta else {}
    return (location for location, component in components.items() if component.mode is GenerationMode.NEGATIVE)
