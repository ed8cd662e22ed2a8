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
class AcceptedFailure:
    """A type of failure that is accepted if `applies` returns True."""

    failure: type[Failure]
    reason: str
    applies: Condition


def is_accepted(failure: Failure, case: Case[Any], response: Response) -> bool:
    """Return whether a failure is accepted."""
    return any(isinstance(failure, accepted.failure) and accepted.applies(failure, case, response) for accepted in ACCEPTED)


def _points_to(*pointers: str) -> Condition:
    """Return a condition: all errors of a 422 response point to, or below, these pointers."""

    def applies(_: Failure, __: Case[Any], response: Response) -> bool:
        errors: Sequence[dict[str, Any]] = response.json().get("errors", ()) if response.status_code == 422 else ()
        paths = [error["pointer"] for error in errors]
        return bool(paths) and all(path.startswith(pointers) for path in paths)

    return applies


def _has_an_invalid_part(_: Failure, case: Case[Any], __: Response) -> bool:
    components = case.meta.components.values() if case.meta else ()
    return any(component.mode is GenerationMode.NEGATIVE for component in components)


def _precondition_failed(_: Failure, case: Case[Any], response: Response) -> bool:
    sent = {name.lower() for name in case.headers or ()}
    return response.status_code == 412 and not sent.isdisjoint({"if-match", "if-none-match"})


def _rejects_nul(_: Failure, __: Case[Any], response: Response) -> bool:
    errors = response.json().get("errors", ()) if response.status_code == 422 else ()
    return any("NUL" in error["detail"] for error in errors)


def _is_longer_after_normalization(_: Failure, __: Case[Any], response: Response) -> bool:
    errors = response.json().get("errors", ()) if response.status_code == 422 else ()
    return any("NFKC" in error["detail"] for error in errors)


def _has_selected_fields(failure: Failure, case: Case[Any], _: Response) -> bool:
    return bool((case.query or {}).get("fields")) and "is a required property" in failure.message


def _has_status_and_completed(_: Failure, case: Case[Any], response: Response) -> bool:
    body = case.body
    return response.status_code == 422 and isinstance(body, dict) and {"completed", "status"} <= body.keys()


ACCEPTED = (
    AcceptedFailure(
        RejectedPositiveData,
        "Schemathesis reports a request as valid although it reports one of its parts as invalid: it fills an optional header "
        "with an invalid value if it finds no valid one, as for every pattern that requires quotes.",
        _has_an_invalid_part,
    ),
    AcceptedFailure(
        RejectedPositiveData,
        "The row does not meet If-Match or If-None-Match: 412 is the declared response.",
        _precondition_failed,
    ),
    AcceptedFailure(
        RejectedPositiveData,
        "Schemathesis finds no valid value for a header whose pattern requires quotes, and sends an invalid one.",
        _points_to("/if-match", "/if-none-match"),
    ),
    AcceptedFailure(
        RejectedPositiveData,
        "These parameters have a syntax that their descriptions define; JSON Schema cannot express it.",
        _points_to("/cursor", "/fields", "/filter", "/include", "/sort"),
    ),
    AcceptedFailure(
        RejectedPositiveData,
        "A schema cannot express whether a row exists, or whether a task may be moved to it.",
        _points_to("/after", "/before", "/into", "/list_id", "/parent_id", "/tag_ids"),
    ),
    AcceptedFailure(
        RejectedPositiveData,
        "A schema cannot express whether this is the password of the account.",
        _points_to("/current_password"),
    ),
    AcceptedFailure(
        RejectedPositiveData,
        "The length of a password is limited after normalization, which JSON Schema cannot express.",
        _is_longer_after_normalization,
    ),
    AcceptedFailure(
        RejectedPositiveData,
        "Texts must not contain NUL, which PostgreSQL cannot store. A pattern for it on every text would hide specific patterns.",
        _rejects_nul,
    ),
    AcceptedFailure(
        RejectedPositiveData,
        "`completed` and `status` describe the same state, and must not contradict each other.",
        _has_status_and_completed,
    ),
    AcceptedFailure(
        JsonSchemaError,
        "`fields` omits fields that the schema requires; a schema cannot depend on a parameter.",
        _has_selected_fields,
    ),
)
