"""Writing that concerns oneself: getting in and out, one's account, one's sessions and API tokens."""

from collections.abc import Mapping
from typing import Any

import strawberry

from graphql_schema.context import Info
from graphql_schema.execution import SelectedField, planned
from graphql_schema.inputs import (
    CreateApiTokenInput,
    LogInInput,
    LogOutInput,
    RefreshInput,
    RegisterInput,
    UpdateAccountInput,
    shape,
)
from graphql_schema.leases import shown
from graphql_schema.payloads import (
    AccountPayload,
    ApiTokenPayload,
    AuthPayload,
    DeleteManyPayload,
    DeletePayload,
    LogOutPayload,
)
from graphql_schema.queries import checked_id
from graphql_schema.selection import payload_of
from models.lease import ApiTokenCreate, LogOut, Refresh
from models.user import AccountChange, Credentials, Registration
from services.api_tokens import NewApiToken
from services.reading.graph import ACCOUNT
from services.reading.selection import View
from services.reception import Admission


def _account(field: SelectedField) -> View:
    return payload_of(field, "user", ACCOUNT)


def _beside(field: SelectedField, tree: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    """Put what is shown once beside what was read, in the order asked for."""
    return {member.key: secrets.get(member.name, tree.get(member.key)) for member in field.members()}


def _admitted(field: SelectedField, admission: Admission) -> dict[str, Any]:
    given = {
        "accessToken": admission.access_token,
        "refreshToken": admission.refresh_token,
        "expiresIn": admission.expires_in,
    }
    return _beside(field, admission.user, given)


def _made(field: SelectedField, made: NewApiToken) -> dict[str, Any]:
    tree = {member.key: shown(member)(made.shown) for member in field.members() if member.name == "apiToken"}
    return _beside(field, tree, {"secret": made.token, "__typename": field.type.name})


@strawberry.type
class AccountMutation:
    """The roots of writing that concerns oneself."""

    @strawberry.mutation(description="Make an account and begin its first session.")
    def register(self, info: Info, input: RegisterInput) -> AuthPayload:
        new, context = shape(Registration, input), info.context
        return planned(lambda field: _admitted(field, context.reception.register(new, _account(field), context.client)))

    @strawberry.mutation(description="Begin a session with e-mail and password.")
    def log_in(self, info: Info, input: LogInInput) -> AuthPayload:
        given, context = shape(Credentials, input), info.context
        return planned(lambda field: _admitted(field, context.reception.log_in(given, _account(field), context.client)))

    @strawberry.mutation(description="Go on with a session: new tokens for its refresh token.")
    def refresh(self, info: Info, input: RefreshInput) -> AuthPayload:
        given, context = shape(Refresh, input), info.context
        return planned(lambda field: _admitted(field, context.reception.refresh(given, _account(field), context.client)))

    @strawberry.mutation(description="End your session: of the refresh token, if one is given, else of your token.")
    def log_out(self, info: Info, input: LogOutInput | None = None) -> LogOutPayload:
        given = shape(LogOut, input or {})
        if given.refresh_token is not None:
            ended = info.context.reception.log_out(given.refresh_token)
        else:
            ended = info.context.sessions.end_current()
        return LogOutPayload(session_id=strawberry.ID(ended) if ended else None)

    @strawberry.mutation(description="End one of your sessions. Its tokens die at once.")
    def end_session(self, info: Info, id: strawberry.ID) -> DeletePayload:
        info.context.sessions.end(checked_id(id))
        return DeletePayload(id=id)

    @strawberry.mutation(description="End all your sessions but the one of your token.")
    def end_other_sessions(self, info: Info) -> DeleteManyPayload:
        return DeleteManyPayload(ids=[strawberry.ID(ended) for ended in info.context.sessions.end_others()])

    @strawberry.mutation(description="Make a token for a program.")
    def create_api_token(self, info: Info, input: CreateApiTokenInput) -> ApiTokenPayload:
        tokens, new = info.context.api_tokens, shape(ApiTokenCreate, input)
        return planned(lambda field: _made(field, tokens.create(new)))

    @strawberry.mutation(description="Delete an API token. It dies at once.")
    def delete_api_token(self, info: Info, id: strawberry.ID) -> DeletePayload:
        info.context.api_tokens.delete(checked_id(id))
        return DeletePayload(id=id)

    @strawberry.mutation(description="Change your account. A new password ends your other sessions.")
    def update_account(self, info: Info, input: UpdateAccountInput) -> AccountPayload:
        account, change = info.context.account, shape(AccountChange, input)
        return planned(lambda field: account.change(change, _account(field)))

    @strawberry.mutation(description="Delete your account and all its data. Its tokens die at once.")
    def delete_account(self, info: Info) -> DeletePayload:
        info.context.account.delete()
        return DeletePayload(id=strawberry.ID(info.context.caller.user_id))
