"""Leases: what tokens live by. A token opens nothing once its lease is gone or past its time."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field as ShapeField
from sqlalchemy import ARRAY, Text
from sqlmodel import Field

from models.base import Owned, id_type
from models.field_types import IntegralFloat, NoNulCharacter, TokenName
from models.input_schemas import InputSchema
from models.scopes import Scope

MAX_SECRET = 200  # characters of what a client sends as a token of ours; real ones are shorter


class Credential(Owned):
    """One of a user's ways in. Ending it is deleting the row."""

    id: str = Field(primary_key=True, sa_type=id_type())
    created_at: datetime
    last_used_at: datetime | None = None
    expires_at: datetime


class LoginSession(Credential, table=True):
    """A login on one device. Its access tokens name it; its refresh token is rotated at every use.

    `handle_hash` finds the row, `current_hash` proves the token of this generation. Of the generation before, its hash is kept
    and the salt that made the present one of it, so that the same question can get the same answer again for a moment.
    """

    __tablename__ = "login_session"

    device: str | None = Field(default=None, max_length=200)
    handle_hash: str = Field(max_length=64, index=True)
    current_hash: str = Field(max_length=64)
    previous_hash: str | None = Field(default=None, max_length=64)
    salt: str | None = Field(default=None, max_length=64)
    rotated_at: datetime | None = None


class ApiToken(Credential, table=True):
    """A token for a program: it may do what its scopes say."""

    __tablename__ = "api_token"

    name: str = Field(max_length=100)
    scopes: list[str] = Field(sa_type=ARRAY(Text))
    token_hash: str = Field(max_length=64, index=True)


class RefreshRequest(InputSchema):
    """A refresh token, right or wrong."""

    refresh_token: Annotated[str, ShapeField(min_length=1, max_length=MAX_SECRET), NoNulCharacter]


class LogoutRequest(InputSchema):
    """Which session to end: the one of this refresh token, or else the one of the access token."""

    refresh_token: Annotated[str, ShapeField(min_length=1, max_length=MAX_SECRET), NoNulCharacter] | None = None


def _allow_duplicates(schema: dict[str, Any]) -> None:
    """A set: what is said twice is meant once."""
    schema.pop("uniqueItems")


class ApiTokenCreate(InputSchema):
    """A new API token."""

    name: TokenName
    scopes: Annotated[
        frozenset[Scope],
        ShapeField(min_length=1, description="What it may do; writing includes reading.", json_schema_extra=_allow_duplicates),
    ]
    expires_in_days: Annotated[int, ShapeField(ge=1, le=366, strict=True), IntegralFloat] = 90
