"""Login sessions and API tokens. A token is rejected once its row is deleted or expired."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field as InputField
from sqlalchemy import ARRAY, Text
from sqlmodel import Field

from models.base import Owned, id_type
from models.schemas.field_types import IntegralFloat, NoNulCharacter, TokenName
from models.schemas.input_schemas import InputSchema
from models.scopes import Scope

MAX_TOKEN_LENGTH = 200  # characters; the tokens that the service issues are shorter


class Credential(Owned):
    """Base class of credentials. Revoking a credential deletes its row."""

    id: str = Field(primary_key=True, sa_type=id_type())
    created_at: datetime
    last_used_at: datetime | None = None
    expires_at: datetime


class LoginSession(Credential, table=True):
    """A login session on one device. Its access tokens contain its id; its refresh token is rotated at each use.

    `handle_hash` identifies the row, `current_hash` verifies the current refresh token. `previous_hash` verifies its predecessor,
    and `salt` derives the current token from that one, so that a repeated refresh can return the same token for a short time.
    """

    __tablename__ = "login_session"

    device: str | None = Field(default=None, max_length=200)
    handle_hash: str = Field(max_length=64, index=True)
    current_hash: str = Field(max_length=64)
    previous_hash: str | None = Field(default=None, max_length=64)
    salt: str | None = Field(default=None, max_length=64)
    rotated_at: datetime | None = None


class ApiToken(Credential, table=True):
    """An API token for a script or integration, limited to its scopes."""

    __tablename__ = "api_token"

    name: str = Field(max_length=100)
    scopes: list[str] = Field(sa_type=ARRAY(Text))
    token_hash: str = Field(max_length=64, index=True)


class RefreshRequest(InputSchema):
    """A refresh token that a client submits."""

    refresh_token: Annotated[str, InputField(min_length=1, max_length=MAX_TOKEN_LENGTH), NoNulCharacter]


class LogoutRequest(InputSchema):
    """The session to revoke: that of the refresh token, or else that of the access token."""

    refresh_token: Annotated[str, InputField(min_length=1, max_length=MAX_TOKEN_LENGTH), NoNulCharacter] | None = None


def _allow_duplicates(schema: dict[str, Any]) -> None:
    """Remove `uniqueItems` from the JSON schema: the scopes are a set, so a repeated item is accepted."""
    schema.pop("uniqueItems")


class ApiTokenCreate(InputSchema):
    """Fields of a new API token."""

    name: TokenName
    scopes: Annotated[
        frozenset[Scope],
        InputField(
            min_length=1, description="Scopes of the token; write scopes include reading.", json_schema_extra=_allow_duplicates
        ),
    ]
    expires_in_days: Annotated[int, InputField(ge=1, le=366, strict=True), IntegralFloat] = 90
