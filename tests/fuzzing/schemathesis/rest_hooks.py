"""What schemathesis runs of ours, in its own process: who sends a request, and which failures are none."""

import os
import random
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.generation import GenerationMode
from schemathesis.openapi.checks import EnsureResourceAvailability

from tests.fuzzing.disposable_accounts import Victims, client, unused_email
from tests.fuzzing.schemathesis.accepted_failures import is_accepted
from tests.fuzzing.schemathesis.environment import SEED, TARGET
from tests.fuzzing.schemathesis.parameter_values import MOSTLY, speak
from tests.fuzzing.schemathesis.request_counter import count

ACCOUNTS = "/api/auth/"

_makers: dict[str, str] = {}  # of things made under ACCOUNTS: their ids, and with what token
_victims = Victims(client(os.environ[TARGET]))
_dice = random.Random(os.environ[SEED])  # noqa: S311 - to be repeatable


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Say what is as true of a token from OAuth 2: it is a bearer token. Schemathesis takes away and forges only those."""
    schemes = raw_schema.get("components", {}).get("securitySchemes", {})
    for name, scheme in schemes.items():
        if scheme["type"] == "oauth2":
            schemes[name] = {"type": "http", "scheme": "bearer"}


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Speak the parameters' languages, and let whatever is about an account be sent by one that may perish."""
    speak(case, _dice)
    if not case.path.startswith(ACCOUNTS):
        return
    if case.headers and "Authorization" in case.headers and case._has_explicit_auth:
        case.headers["Authorization"] = f"Bearer {_victims.current().token}"
    if isinstance(case.body, dict) and case.meta and case.meta.generation.mode is GenerationMode.POSITIVE:
        facts = dict(_victims.current().facts)
        if case.path.endswith("/register"):
            facts["email"] = unused_email()
        case.body = {**case.body, **{name: facts[name] for name in case.body if name in facts and _dice.random() < MOSTLY}}


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Take another account once this one opens nothing any more, and note what has become of it."""
    count(case)
    if response.status_code == 401:
        _victims.drop(_token(response))
    if case.path.startswith(ACCOUNTS) and response.status_code == 201 and "id" in (made := response.json()):
        _makers[made["id"]] = _token(response)
    if case.path == f"{ACCOUNTS}me" and case.method == "PATCH" and response.status_code == 200 and isinstance(case.body, dict):
        _victims.current().learn(case.body)


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Keep a failure unless it is accepted. What perished with the account that made it is not there for another one."""
    if isinstance(failure, EnsureResourceAvailability):
        maker = _makers.get((case.path_parameters or {}).get("id", ""))
        return maker is None or maker == _token(response)
    return not is_accepted(failure, case, response)


def _token(response: Response) -> str:
    return str(response.request.headers.get("Authorization", "")).removeprefix("Bearer ")
