"""Failures of schemathesis that are accepted, each with its reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from schemathesis import Case, Response
from schemathesis.core.failures import Failure
from schemathesis.generation import GenerationMode
from schemathesis.openapi.checks import JsonSchemaError, RejectedPositiveData

Condition = Callable[[Failure, Case[Any], Response], bool]


@dataclass(frozen=True)
class Accepted:
    """A kind of failure that is accepted where `holds` returns True."""

    failure: type[Failure]
    reason: str
    holds: Condition


def is_accepted(failure: Failure, case: Case[Any], response: Response) -> bool:
    """Return whether a failure is accepted."""
    return any(isinstance(failure, one.failure) and one.holds(failure, case, response) for one in ACCEPTED)


def _points_to(*pointers: str) -> Condition:
    """Return a condition: all errors of a 422 response point to, or below, these pointers."""

    def holds(_: Failure, __: Case[Any], response: Response) -> bool:
        errors: Sequence[dict[str, Any]] = response.json().get("errors", ()) if response.status_code == 422 else ()
        paths = [error["pointer"] for error in errors]
        return bool(paths) and all(path.startswith(pointers) for path in paths)

    return holds


def _has_an_invalid_part(_: Failure, case: Case[Any], __: Response) -> bool:
    components = case.meta.components.values() if case.meta else ()
    return any(component.mode is GenerationMode.NEGATIVE for component in components)


def _precondition_failed(_: Failure, case: Case[Any], response: Response) -> bool:
    return response.status_code == 412 and "if-match" in {name.lower() for name in case.headers or ()}


def _holds_nul(_: Failure, __: Case[Any], response: Response) -> bool:
    errors = response.json().get("errors", ()) if response.status_code == 422 else ()
    return any("NUL" in error["detail"] for error in errors)


def _has_selected_fields(failure: Failure, case: Case[Any], _: Response) -> bool:
    return bool((case.query or {}).get("fields")) and "is a required property" in failure.message


def _has_status_and_completed(_: Failure, case: Case[Any], response: Response) -> bool:
    body = case.body
    return response.status_code == 422 and isinstance(body, dict) and {"completed", "status"} <= body.keys()


ACCEPTED = (
    Accepted(
        RejectedPositiveData,
        "Schemathesis calls a request valid as a whole while it says that one of its parts is not: it fills a header that may be "
        "left out with an invalid value where it finds no valid one, as with every pattern that demands quotes.",
        _has_an_invalid_part,
    ),
    Accepted(
        RejectedPositiveData, "If-Match names a revision that is not the row's: 412 is what it is for.", _precondition_failed
    ),
    Accepted(
        RejectedPositiveData,
        "These parameters are texts in languages of their own. Their descriptions give them; JSON Schema could not.",
        _points_to("/cursor", "/fields", "/filter", "/include", "/sort"),
    ),
    Accepted(
        RejectedPositiveData,
        "Whether there is such a row, and whether a task may be put there, is no matter of a schema.",
        _points_to("/list_id", "/parent_id", "/tag_ids"),
    ),
    Accepted(
        RejectedPositiveData,
        "Whether this is the account's password is no matter of a schema.",
        _points_to("/current_password"),
    ),
    Accepted(
        RejectedPositiveData,
        "No text holds NUL, which PostgreSQL cannot store. Patterns that say so everywhere would hide those that say more.",
        _holds_nul,
    ),
    Accepted(
        RejectedPositiveData,
        "`completed` and `status` are two words for one thing, and must not disagree.",
        _has_status_and_completed,
    ),
    Accepted(
        JsonSchemaError,
        "`fields` leaves members out that are else required; no schema depends on a parameter.",
        _has_selected_fields,
    ),
)
