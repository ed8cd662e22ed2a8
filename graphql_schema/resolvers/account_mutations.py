"""Mutation resolvers for registration, login and logout, the account, its sessions and its API tokens."""

import strawberry
from strawberry import UNSET

from graphql_schema.context import Info
from graphql_schema.documents.public_fields import PUBLIC
from graphql_schema.lookahead import LookaheadWrite, SelectedField
from graphql_schema.resolvers.credentials import credential_serializer
from graphql_schema.resolvers.if_revision import preconditions_for
from graphql_schema.resolvers.queries import parse_id
from graphql_schema.selection import payload_selection
from graphql_schema.types.arguments import (
    AccountChanges,
    AccountCredentials,
    ApiTokenId,
    IfRevision,
    NewAccount,
    NewApiToken,
    SessionId,
    SessionToRefresh,
    SessionToRevoke,
)
from graphql_schema.types.inputs import parse_input
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
    """Return the payload with secrets, which no query returns, in the order of the selection."""
    return {child.key: secrets.get(child.name, payload.get(child.key)) for child in field.children()}


def _auth_payload(field: SelectedField, session: AuthTokens[JsonObject]) -> JsonObject:
    tokens: JsonObject = {
        "accessToken": session.access_token,
        "refreshToken": session.refresh_token,
        "expiresIn": session.expires_in,
    }
    return _merge_secrets(field, session.user, tokens)


def _api_token_payload(field: SelectedField, created: CreatedApiToken) -> JsonObject:
    payload: JsonObject = {
        child.key: credential_serializer(child)(created.data) for child in field.children() if child.name == "apiToken"
    }
    return _merge_secrets(field, payload, {"secret": created.secret, "__typename": field.type.name})


@strawberry.type
class AccountMutation:
    """Mutations of accounts, sessions and API tokens."""

    @strawberry.mutation(description="Register an account and start a session.", graphql_type=AuthPayload, metadata=PUBLIC)
    def register(self, info: Info, input: NewAccount) -> LookaheadWrite:
        registration, context = parse_input(Registration, input), info.context
        return LookaheadWrite(
            lambda field: _auth_payload(
                field,
                context.run_in_slot(context.auth_service.register(registration, _account_payload(field), context.client)),
            )
        )

    @strawberry.mutation(
        description="Log in with e-mail and password: start a session.", graphql_type=AuthPayload, metadata=PUBLIC
    )
    def log_in(self, info: Info, input: AccountCredentials) -> LookaheadWrite:
        credentials, context = parse_input(Credentials, input), info.context
        return LookaheadWrite(
            lambda field: _auth_payload(
                field, context.run_in_slot(context.auth_service.log_in(credentials, _account_payload(field), context.client))
            )
        )

    @strawberry.mutation(
        description="Refresh a session: exchange a refresh token for new tokens.", graphql_type=AuthPayload, metadata=PUBLIC
    )
    def refresh(self, info: Info, input: SessionToRefresh) -> LookaheadWrite:
        request, context = parse_input(RefreshRequest, input), info.context
        return LookaheadWrite(
            lambda field: _auth_payload(
                field, context.run_in_slot(context.auth_service.refresh(request, _account_payload(field), context.client))
            )
        )

    @strawberry.mutation(
        description="Log out: revoke the session of `refreshToken`, or else of the access token.", metadata=PUBLIC
    )
    def log_out(self, info: Info, input: SessionToRevoke = None) -> LogOutPayload:
        request = parse_input(LogoutRequest, input or {})
        if request.refresh_token is not None:
            follow_up = info.context.auth_service.log_out(request.refresh_token)
            session_id = info.context.run_in_slot(follow_up) if follow_up else None
        else:
            session_id = info.context.sessions.revoke_current()
        return LogOutPayload(session_id=strawberry.ID(session_id) if session_id else None)

    @strawberry.mutation(description="Revoke a session. Its tokens stop working immediately.")
    def end_session(self, info: Info, id: SessionId) -> DeletePayload:
        session_id = parse_id(id)
        info.context.sessions.revoke(session_id)
        return DeletePayload(id=strawberry.ID(session_id))

    @strawberry.mutation(description="Revoke all sessions except the one of the access token.")
    def end_other_sessions(self, info: Info) -> DeleteManyPayload:
        return DeleteManyPayload(ids=[strawberry.ID(session_id) for session_id in info.context.sessions.revoke_others()])

    @strawberry.mutation(description="Create an API token.", graphql_type=ApiTokenPayload)
    def create_api_token(self, info: Info, input: NewApiToken) -> LookaheadWrite:
        tokens, new_token = info.context.api_tokens, parse_input(ApiTokenCreate, input)
        return LookaheadWrite(lambda field: _api_token_payload(field, tokens.create(new_token)))

    @strawberry.mutation(description="Delete an API token. It stops working immediately.")
    def delete_api_token(self, info: Info, id: ApiTokenId) -> DeletePayload:
        token_id = parse_id(id)
        info.context.api_tokens.delete(token_id)
        return DeletePayload(id=strawberry.ID(token_id))

    @strawberry.mutation(
        description="Update the account. A new password revokes its other sessions.", graphql_type=AccountPayload
    )
    def update_account(self, info: Info, input: AccountChanges, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        account, change = info.context.account, parse_input(AccountUpdate, input)
        return LookaheadWrite(lambda field: account.update(change, _account_payload(field), preconditions_for(if_revision)))

    @strawberry.mutation(
        description="Delete the account and all its data. Its tokens stop working immediately; its rows are deleted soon after."
    )
    def delete_account(self, info: Info, if_revision: IfRevision = UNSET) -> DeletePayload:
        info.context.account.delete(preconditions_for(if_revision))
        return DeletePayload(id=strawberry.ID(info.context.user.user_id))
