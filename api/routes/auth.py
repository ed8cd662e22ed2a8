"""Endpoints of authentication and of the current account: /api/auth."""

from asyncio import to_thread
from collections.abc import Callable
from inspect import signature
from typing import Annotated, Any, TypeVar

from fastapi import Body, Depends, Request
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import ValidationError
from starlette.responses import Response

from api import responses
from api.authentication import get_client, get_container, get_current_user
from api.dependencies import SECURITY, AccountServiceDep
from api.openapi import schemas
from api.openapi.responses import NOT_MODIFIED, READ_HEADERS, Responses, errors, no_content
from api.preconditions import PreconditionsDep
from api.routing import create_router
from models.credentials import LogoutRequest, RefreshRequest
from models.user import AccountUpdate, Credentials, Registration
from services.auth.login import FollowUp
from services.auth.sessions import SessionService
from services.database_errors import rerun_if_stale
from services.errors import InvalidInput
from services.query_engine.entity_registry import ACCOUNT
from services.query_engine.rest_projection import default_row_selection

Result = TypeVar("Result")

router = create_router("/api/auth", "Authentication")
ROW_SELECTION = default_row_selection(ACCOUNT)
LOGIN_RESPONSES: Responses = {200: {"model": schemas.TokenResponse, "description": "Access and refresh token."}}
REGISTER_RESPONSES: Responses = {
    201: {"model": schemas.TokenResponse, "description": "Access and refresh token of the new account."}
}
ACCOUNT_RESPONSES: Responses = {200: {"model": schemas.Account, "description": "The account.", "headers": READ_HEADERS}}

RegistrationBody = Annotated[
    Registration,
    Body(openapi_examples={"ada": {"value": {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}}}),
]
RefreshBody = Annotated[RefreshRequest, Body(openapi_examples={"newest": {"value": {"refresh_token": "todo_refresh_…"}}})]
LogoutBody = Annotated[LogoutRequest | None, Body(openapi_examples={"expired": {"value": {"refresh_token": "todo_refresh_…"}}})]
AccountUpdateBody = Annotated[AccountUpdate, Body(openapi_examples={"rename": {"value": {"name": "Ada Lovelace"}}})]


async def read_login_form(**fields: Any) -> OAuth2PasswordRequestForm:
    """Return the OAuth 2 password form. As a coroutine function, because FastAPI calls a class in a thread."""
    return OAuth2PasswordRequestForm(**fields)


read_login_form.__signature__ = signature(OAuth2PasswordRequestForm)  # type: ignore[attr-defined] # which FastAPI reads
LoginForm = Annotated[OAuth2PasswordRequestForm, Depends(read_login_form)]


@router.post(
    "/register",
    operation_id="register",
    status_code=201,
    responses=REGISTER_RESPONSES | errors(409, 413, 415),
)
async def register(request: Request, body: RegistrationBody) -> Response:
    """Register: create an account and start its first session."""
    service, client = get_container(request).auth_service, get_client(request)
    return responses.token_response(await _run_login(request, lambda: service.register(body, ROW_SELECTION, client)), 201)


@router.post(
    "/login",
    operation_id="logIn",
    responses=LOGIN_RESPONSES | errors(401, 413, 415),
)
async def log_in(request: Request, form: LoginForm) -> Response:
    """Log in: start a session with the OAuth 2 password form. Send the e-mail address as `username`."""
    service, client, credentials = get_container(request).auth_service, get_client(request), _credentials(form)
    return responses.token_response(await _run_login(request, lambda: service.log_in(credentials, ROW_SELECTION, client)))


@router.post("/refresh", operation_id="refresh", responses=LOGIN_RESPONSES | errors(401, 413, 415))
async def refresh(request: Request, body: RefreshBody) -> Response:
    """Refresh a session: exchange its newest refresh token for new tokens.

    Sending the same refresh token again within ten seconds, because the response was lost, returns the same new refresh token.
    Later, a refresh token that was already used revokes its session, because the token may be stolen.
    """
    service, client = get_container(request).auth_service, get_client(request)
    return responses.token_response(await _run(request, lambda: service.refresh(body, ROW_SELECTION, client)))


@router.post(
    "/logout",
    operation_id="logOut",
    status_code=204,
    responses=no_content("The session is revoked.") | errors(401, 403, 413, 415),
    openapi_extra={"security": [*SECURITY, {}]},  # A refresh token in the body needs no access token.
)
async def log_out(request: Request, body: LogoutBody = None) -> Response:
    """Log out: revoke the session of the refresh token in the body; without one, the session of the access token.

    Its tokens stop working immediately.
    """
    if body is not None and body.refresh_token is not None:
        follow_up = await to_thread(rerun_if_stale(get_container(request).auth_service.log_out), body.refresh_token)
        if follow_up is not None:
            await _run_in_slot(request, follow_up)
    else:
        await to_thread(SessionService(get_current_user(request)).revoke_current)
    return responses.no_content()


async def _run_login(request: Request, find_user: Callable[[], FollowUp[Result]]) -> Result:
    """Run a login or registration in the threads for them, and what follows it in a slot of its user."""
    return await _run_in_slot(request, await get_container(request).login_threads.run(rerun_if_stale(find_user)))


async def _run(request: Request, find_user: Callable[[], FollowUp[Result]]) -> Result:
    """Run a lookup, and what follows it in a slot of the user that it found."""
    return await _run_in_slot(request, await to_thread(rerun_if_stale(find_user)))


async def _run_in_slot(request: Request, follow_up: FollowUp[Result]) -> Result:
    async with get_container(request).user_slots.hold(request.scope["state"], follow_up.user_id):
        return await to_thread(rerun_if_stale(follow_up.run))


def _credentials(form: OAuth2PasswordRequestForm) -> Credentials:
    try:
        return Credentials(email=form.username, password=form.password)
    except ValidationError as error:
        raise InvalidInput.from_pydantic(error.errors()) from None


@router.get("/me", operation_id="getMe", responses=ACCOUNT_RESPONSES | NOT_MODIFIED | errors(401, 412))
def get_current_account(account: AccountServiceDep, preconditions: PreconditionsDep) -> Response:
    """Get the current account."""
    return responses.account_response(account.get(ROW_SELECTION, preconditions))


@router.patch("/me", operation_id="patchMe", responses=ACCOUNT_RESPONSES | errors(401, 409, 412, 413, 415))
def update_current_account(account: AccountServiceDep, body: AccountUpdateBody, preconditions: PreconditionsDep) -> Response:
    """Update the current account. Another e-mail address or password requires `current_password`.

    A new password revokes all other sessions.
    """
    return responses.account_response(account.update(body, ROW_SELECTION, preconditions))


@router.delete("/me", operation_id="deleteMe", status_code=204, responses=no_content() | errors(401, 412))
def delete_current_account(account: AccountServiceDep, preconditions: PreconditionsDep) -> Response:
    """Delete the current account and all its data. Its tokens stop working immediately; its rows are deleted soon after."""
    account.delete(preconditions)
    return responses.no_content()
