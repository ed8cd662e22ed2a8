"""Schemathesis hooks for the GraphQL API."""

import os
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.graphql.checks import GraphQLClientError, GraphQLServerError

from tests.fuzzing.disposable_accounts import DisposableAccounts, client
from tests.fuzzing.response_checks import undeclared_errors
from tests.fuzzing.schemathesis.environment import TARGET
from tests.fuzzing.schemathesis.request_counter import count

_accounts = DisposableAccounts(client(os.environ[TARGET]))


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Send everything as a disposable account: some mutations delete it."""
    case.headers["Authorization"] = f"Bearer {_accounts.current().token}"


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Replace the account once its token is rejected."""
    count(case)
    if "UNAUTHENTICATED" in response.text:
        _accounts.replace(str(response.request.headers["Authorization"]).removeprefix("Bearer "))


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Keep failures with unknown error codes.

    Schemathesis reports any 200 response with errors as a server error, and most arguments have rules beyond the schema.
    """
    if not isinstance(failure, GraphQLServerError | GraphQLClientError) or response.status_code >= 500:
        return True
    return bool(undeclared_errors(failure.errors))
