"""Account mutation resolvers: registering, logging in and out, the account, its sessions and API tokens."""

import strawberry

from graphql_schema.context import Info
from graphql_schema.lookahead import LookaheadWrite, SelectedField
from graphql_schema.resolvers.credentials import credential_serializer
from graphql_schema.resolvers.queries import parse_id
from graphql_schema.selection import payload_selection
from graphql_schema.types.inputs import (
    CreateApiTokenInput,
    LogInInput,
    LogOutInput,
    RefreshInput,
    RegisterInput,
    UpdateAccountInput,
    parse_input,
)
from graphql_schema.types.payloads import (
    AccountPayload,
    ApiTokenPayload,
    AuthPayload,
    DeleteManyPayload,
    DeletePayload,
    LogOutPayload,
)
from models.credentials import ApiTokenCreate, LogoutRequest, RefreshRequest
from models.user import AccountUpdate, Credentials, Registration
from services.auth.api_tokens import CreatedApiToken
from services.auth.login import AuthTokens
from services.json_types import JsonObject
from services.query_engine.entity_registry import ACCOUNT
from services.query_engine.query_model import RowSelection


def _account_payload(field: SelectedField) -> RowSelection[JsonObject | None]:
    return payload_selection(field, "user", ACCOUNT)


def _merge_secrets(field: SelectedField, payload: JsonObject, secrets: JsonObject) -> JsonObject:
    """Return the payload with the values that are shown only once, in the order of the selection."""
    return {child.key: secrets.get(child.name, payload.get(child.key)) for child in field.children()}


def _auth_payload(field: SelectedField, admission: AuthTokens[JsonObject]) -> JsonObject:
    tokens: JsonObject = {
        "accessToken": admission.access_token,
        "refreshToken": admission.refresh_token,
        "expiresIn": admission.expires_in,
    }
    return _merge_secrets(field, admission.user, tokens)


def _api_token_payload(field: SelectedField, made: CreatedApiToken) -> JsonObject:
    payload: JsonObject = {
        child.key: credential_serializer(child)(made.data) for child in field.children() if child.name == "apiToken"
    }
    return _merge_secrets(field, payload, {"secret": made.secret, "__typename": field.type.name})


@strawberry.type
class AccountMutation:
    """Root fields of mutations that concern the account."""

    @strawberry.mutation(description="Make an account and begin its first session.", graphql_type=AuthPayload)
    def register(self, info: Info, input: RegisterInput) -> LookaheadWrite:
        new, context = parse_input(Registration, input), info.context
        return LookaheadWrite(
            lambda field: _auth_payload(field, context.auth_service.register(new, _account_payload(field), context.client))
        )

    @strawberry.mutation(description="Begin a session with e-mail and password.", graphql_type=AuthPayload)
    def log_in(self, info: Info, input: LogInInput) -> LookaheadWrite:
        given, context = parse_input(Credentials, input), info.context
        return LookaheadWrite(
            lambda field: _auth_payload(field, context.auth_service.log_in(given, _account_payload(field), context.client))
        )

    @strawberry.mutation(description="Go on with a session: new tokens for its refresh token.", graphql_type=AuthPayload)
    def refresh(self, info: Info, input: RefreshInput) -> LookaheadWrite:
        given, context = parse_input(RefreshRequest, input), info.context
        return LookaheadWrite(
            lambda field: _auth_payload(field, context.auth_service.refresh(given, _account_payload(field), context.client))
        )

    @strawberry.mutation(description="End your session: of the refresh token, if one is given, else of your token.")
    def log_out(self, info: Info, input: LogOutInput | None = None) -> LogOutPayload:
        given = parse_input(LogoutRequest, input or {})
        if given.refresh_token is not None:
            ended = info.context.auth_service.log_out(given.refresh_token)
        else:
            ended = info.context.sessions.revoke_current()
        return LogOutPayload(session_id=strawberry.ID(ended) if ended else None)

    @strawberry.mutation(description="End one of your sessions. Its tokens die at once.")
    def end_session(self, info: Info, id: strawberry.ID) -> DeletePayload:
        info.context.sessions.revoke(parse_id(id))
        return DeletePayload(id=id)

    @strawberry.mutation(description="End all your sessions but the one of your token.")
    def end_other_sessions(self, info: Info) -> DeleteManyPayload:
        return DeleteManyPayload(ids=[strawberry.ID(ended) for ended in info.context.sessions.revoke_others()])

    @strawberry.mutation(description="Make a token for a program.", graphql_type=ApiTokenPayload)
    def create_api_token(self, info: Info, input: CreateApiTokenInput) -> LookaheadWrite:
        tokens, new = info.context.api_tokens, parse_input(ApiTokenCreate, input)
        return LookaheadWrite(lambda field: _api_token_payload(field, tokens.create(new)))

    @strawberry.mutation(description="Delete an API token. It dies at once.")
    def delete_api_token(self, info: Info, id: strawberry.ID) -> DeletePayload:
        info.context.api_tokens.delete(parse_id(id))
        return DeletePayload(id=id)

    @strawberry.mutation(description="Change your account. A new password ends your other sessions.", graphql_type=AccountPayload)
    def update_account(self, info: Info, input: UpdateAccountInput) -> LookaheadWrite:
        account, change = info.context.account, parse_input(AccountUpdate, input)
        return LookaheadWrite(lambda field: account.update(change, _account_payload(field)))

    @strawberry.mutation(description="Delete your account and all its data. Its tokens die at once.")
    def delete_account(self, info: Info) -> DeletePayload:
        info.context.account.delete()
        return DeletePayload(id=strawberry.ID(info.context.user.user_id))
