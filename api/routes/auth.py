"""/api/auth: registering, logging in, going on and logging out; and one's own account."""

from typing import Annotated

from anyio import to_thread
from fastapi import Body, Depends, Request
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import ValidationError
from starlette.responses import Response

from api import responses
from api.authentication import get_client, get_container, get_current_user
from api.dependencies import SECURITY, AccountServiceDep
from api.openapi import schemas
from api.openapi.responses import Responses, errors, no_content
from api.routing import create_router
from models.credentials import LogoutRequest, RefreshRequest
from models.user import AccountUpdate, Credentials, Registration
from services.auth.sessions import SessionService
from services.errors import InvalidInput
from services.query_engine.entity_registry import ACCOUNT
from services.query_engine.rest_projection import default_row_selection

router = create_router("/api/auth", "Account")
VIEW = default_row_selection(ACCOUNT)
LOGIN_RESPONSES: Responses = {200: {"model": schemas.TokenResponse, "description": "Welcome."}}
REGISTER_RESPONSES: Responses = {201: {"model": schemas.TokenResponse, "description": "A new account."}}
ACCOUNT_RESPONSES: Responses = {200: {"model": schemas.Account, "description": "The account."}}

NewAccount = Annotated[
    Registration,
    Body(openapi_examples={"ada": {"value": {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}}}),
]
RefreshToken = Annotated[RefreshRequest, Body(openapi_examples={"newest": {"value": {"refresh_token": "todo_refresh_…"}}})]
SessionToEnd = Annotated[LogoutRequest | None, Body(openapi_examples={"expired": {"value": {"refresh_token": "todo_refresh_…"}}})]
Change = Annotated[AccountUpdate, Body(openapi_examples={"rename": {"value": {"name": "Ada Lovelace"}}})]


@router.post(
    "/register",
    operation_id="register",
    status_code=201,
    responses=REGISTER_RESPONSES | errors(409, 413, 415),
)
def register(request: Request, body: NewAccount) -> Response:
    """Make an account and begin its first session."""
    return responses.token_response(get_container(request).auth_service.register(body, VIEW, get_client(request)), 201)


@router.post(
    "/login",
    operation_id="logIn",
    responses=LOGIN_RESPONSES | errors(401, 413, 415),
)
def log_in(request: Request, form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Response:
    """Begin a session with e-mail (as `username`) and password: the OAuth 2 password form."""
    return responses.token_response(get_container(request).auth_service.log_in(_credentials(form), VIEW, get_client(request)))


@router.post("/refresh", operation_id="refresh", responses=LOGIN_RESPONSES | errors(401, 413, 415))
def refresh(request: Request, body: RefreshToken) -> Response:
    """Go on with a session: a new access token and a new refresh token for the newest refresh token.

    Asking again within ten seconds, because the answer was lost, gives the same refresh token. After that, a refresh token that
    was used already ends its session: somebody else may have it.
    """
    return responses.token_response(get_container(request).auth_service.refresh(body, VIEW, get_client(request)))


@router.post(
    "/logout",
    operation_id="logOut",
    status_code=204,
    responses=no_content() | errors(401, 403, 413, 415),
    openapi_extra={"security": [*SECURITY, {}]},  # A refresh token in the body will do.
)
async def log_out(request: Request, body: SessionToEnd = None) -> Response:
    """End a session: the one of the refresh token in the body, or else the one of the access token."""
    if body is not None and body.refresh_token is not None:
        await to_thread.run_sync(get_container(request).auth_service.log_out, body.refresh_token)
    else:
        await to_thread.run_sync(SessionService(get_current_user(request)).revoke_current)
    return responses.no_content()


def _credentials(form: OAuth2PasswordRequestForm) -> Credentials:
    try:
        return Credentials(email=form.username, password=form.password)
    except ValidationError as error:
        raise InvalidInput.from_pydantic(error.errors()) from None


@router.get("/me", operation_id="getMe", responses=ACCOUNT_RESPONSES | errors(401))
def get_current_account(account: AccountServiceDep) -> Response:
    """Show one's own account."""
    return responses.json_response(account.get(VIEW))


@router.patch("/me", operation_id="patchMe", responses=ACCOUNT_RESPONSES | errors(401, 409, 413, 415))
def update_current_account(account: AccountServiceDep, body: Change) -> Response:
    """Change one's own account; a new e-mail or password needs `current_password`.

    A new password ends all other sessions.
    """
    return responses.json_response(account.update(body, VIEW))


@router.delete("/me", operation_id="deleteMe", status_code=204, responses=no_content() | errors(401))
def delete_current_account(account: AccountServiceDep) -> Response:
    """Delete one's own account and all its data. Its tokens die at once."""
    account.delete()
    return responses.no_content()
