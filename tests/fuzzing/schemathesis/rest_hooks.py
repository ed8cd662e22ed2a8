"""Schemathesis hooks for the REST API."""

import os
import random
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.generation import GenerationMode
from schemathesis.openapi.checks import EnsureResourceAvailability

from tests.fuzzing.disposable_accounts import DisposableAccounts, client, new_email
from tests.fuzzing.schemathesis.accepted_failures import is_accepted
from tests.fuzzing.schemathesis.environment import SEED, TARGET
from tests.fuzzing.schemathesis.parameter_values import USUALLY, fill_parameters
from tests.fuzzing.schemathesis.request_counter import count

ACCOUNTS = "/api/auth/"

_tokens_by_id: dict[str, str] = {}  # ids created under ACCOUNTS, and the token that created each
_accounts = DisposableAccounts(client(os.environ[TARGET]))
_rng = random.Random(os.environ[SEED])  # noqa: S311 - reproducible


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Declare OAuth 2 tokens as bearer tokens: schemathesis omits and forges only those."""
    schemes = raw_schema.get("components", {}).get("securitySchemes", {})
    for name, scheme in schemes.items():
        if scheme["type"] == "oauth2":
            schemes[name] = {"type": "http", "scheme": "bearer"}


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Fill parameters with valid values, and send account requests as a disposable account."""
    fill_parameters(case, _rng)
    if not case.path.startswith(ACCOUNTS):
        return
    if case.headers and "Authorization" in case.headers and case._has_explicit_auth:
        case.headers["Authorization"] = f"Bearer {_accounts.current().token}"
    if isinstance(case.body, dict) and case.meta and case.meta.generation.mode is GenerationMode.POSITIVE:
        known_values = dict(_accounts.current().known_values)
        if case.path.endswith("/register"):
            known_values["email"] = new_email()
        case.body = {
            **case.body,
            **{name: known_values[name] for name in case.body if name in known_values and _rng.random() < USUALLY},
        }


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Replace the account once its token is rejected, and record changes of it."""
    count(case)
    if response.status_code == 401:
        _accounts.replace(_token(response))
    if case.path.startswith(ACCOUNTS) and response.status_code == 201 and "id" in (created := response.json()):
        _tokens_by_id[created["id"]] = _token(response)
    if case.path == f"{ACCOUNTS}me" and case.method == "PATCH" and response.status_code == 200 and isinstance(case.body, dict):
        _accounts.current().record_changes(case.body)


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Keep failures that are not accepted. Resources of a replaced account are unavailable to the next one."""
    if isinstance(failure, EnsureResourceAvailability):
        token = _tokens_by_id.get((case.path_parameters or {}).get("id", ""))
        return token is None or token == _token(response)
    return not is_accepted(failure, case, response)


def _token(response: Response) -> str:
    return str(response.request.headers.get("Authorization", "")).removeprefix("Bearer ")
