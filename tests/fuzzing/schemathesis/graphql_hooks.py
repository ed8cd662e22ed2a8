"""What schemathesis runs of ours against the graph, in its own process: who sends a request, and which failures are none."""

import os
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.graphql.checks import GraphQLClientError, GraphQLServerError

from tests.fuzzing.disposable_accounts import Victims, client
from tests.fuzzing.response_checks import undeclared
from tests.fuzzing.schemathesis.environment import TARGET
from tests.fuzzing.schemathesis.request_counter import count

_victims = Victims(client(os.environ[TARGET]))


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Send everything as an account that may perish: some field or other ends it."""
    case.headers["Authorization"] = f"Bearer {_victims.current().token}"


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Take another account once this one opens nothing any more."""
    count(case)
    if "UNAUTHENTICATED" in response.text:
        _victims.drop(str(response.request.headers["Authorization"]).removeprefix("Bearer "))


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Keep what is not of the declared family.

    An answer 200 with errors counts as the server's fault, whatever their codes; and most arguments have rules of their own.
    """
    if not isinstance(failure, GraphQLServerError | GraphQLClientError) or response.status_code >= 500:
        return True
    return bool(undeclared(failure.errors))
