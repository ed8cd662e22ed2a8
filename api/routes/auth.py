"""/api/auth: registering, logging in, and one's own account."""

from typing import Annotated

from fastapi import Body, Depends
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import ValidationError
from starlette.responses import Response

from api import answers, shapes
from api.dependencies import Account, TheHouse
from api.openapi import Responses, errors, gone
from api.routing import router
from models.user import AccountChange, Credentials, Registration
from services.errors import InvalidInput
from services.reading.defaults import default_view
from services.reading.graph import ACCOUNT

routes = router("/api/auth", "Account")
VIEW = default_view(ACCOUNT)
ADMITTED: Responses = {200: {"model": shapes.Admission, "description": "Welcome."}}
REGISTERED: Responses = {201: {"model": shapes.Admission, "description": "A new account."}}
ME: Responses = {200: {"model": shapes.Account, "description": "The account."}}

NewAccount = Annotated[
    Registration,
    Body(openapi_examples={"ada": {"value": {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}}}),
]
Change = Annotated[AccountChange, Body(openapi_examples={"rename": {"value": {"name": "Ada Lovelace"}}})]


@routes.post(
    "/register",
    operation_id="register",
    status_code=201,
    responses=REGISTERED | errors(409, 413, 415),
)
def register(house: TheHouse, body: NewAccount) -> Response:
    """Make an account; the answer holds its first access token."""
    return answers.admission(house.reception.register(body, VIEW), 201)


@routes.post(
    "/login",
    operation_id="logIn",
    responses=ADMITTED | errors(401, 413, 415),
)
def log_in(house: TheHouse, form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Response:
    """Exchange e-mail (as `username`) and password for an access token: the OAuth 2 password form."""
    return answers.admission(house.reception.log_in(_credentials(form), VIEW))


def _credentials(form: OAuth2PasswordRequestForm) -> Credentials:
    try:
        return Credentials(email=form.username, password=form.password)
    except ValidationError as error:
        raise InvalidInput.of(error.errors()) from None


@routes.get("/me", operation_id="getMe", responses=ME | errors(401))
def show_me(account: Account) -> Response:
    """Show one's own account."""
    return answers.answer(account.show(VIEW))


@routes.patch("/me", operation_id="patchMe", responses=ME | errors(401, 409, 413, 415))
def change_me(account: Account, body: Change) -> Response:
    """Change one's own account; a new e-mail or password needs `current_password`."""
    return answers.answer(account.change(body, VIEW))


@routes.delete("/me", operation_id="deleteMe", status_code=204, responses=gone() | errors(401))
def delete_me(account: Account) -> Response:
    """Delete one's own account and all its data. Its tokens die at once."""
    account.delete()
    return answers.nothing()
