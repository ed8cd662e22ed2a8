"""Account tables, and the input schemas of accounts. A revision counter for each user orders the user's writes."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field as InputField
from sqlalchemy import BigInteger, CheckConstraint, ColumnElement, FromClause, Index, Text, func, select
from sqlmodel import Field, SQLModel

from models.base import EXAMPLE_TIME, MAX_USER_ID_LENGTH, Owned
from models.columns import DerivedColumn, api_column, computed_column, table_of
from models.schemas.field_types import (
    MAX_EMAIL_LENGTH,
    MAX_PERSON_NAME_LENGTH,
    Email,
    NoNulCharacter,
    PersonName,
    SubmittedEmail,
    normalized_password,
)
from models.schemas.input_schemas import InputSchema, UpdateSchema, optional_not_null
from models.text.folding import identity_key, key_type

MAX_TYPED_PASSWORD = 1024  # characters before normalization, which makes one of up to four; only 256 may remain
Password = Annotated[str, InputField(min_length=8, max_length=MAX_TYPED_PASSWORD), NoNulCharacter, normalized_password(8, 256)]
SubmittedPassword = Annotated[str, InputField(max_length=MAX_TYPED_PASSWORD), NoNulCharacter, normalized_password(0, 256)]


def _latest_revision(account: FromClause) -> ColumnElement[Any]:
    counter = table_of(UserRevision).alias("counter")
    latest = select(counter.c.revision).where(counter.c.user_id == account.c.id)
    return latest.correlate(account).scalar_subquery()


class User(SQLModel, table=True):
    """An account: local (UUIDv7 id, with a password), or of an external issuer (any opaque id, without a password)."""

    __table_args__ = (
        CheckConstraint(f"char_length(id) BETWEEN 1 AND {MAX_USER_ID_LENGTH}", name="ck_user_id"),
        Index("uq_user_email_key", "email_key", unique=True),
    )

    id: str = api_column(
        "Id of the account; part of every REST path.", example="ada", filterable=False, primary_key=True, sa_type=Text
    )
    email: str | None = api_column(
        "E-mail address, used to log in.",
        example="ada@example.com",
        filterable=False,
        default=None,
        unique=True,
        max_length=MAX_EMAIL_LENGTH,
    )
    name: str | None = api_column(
        "Display name.", example="Ada", filterable=False, default=None, max_length=MAX_PERSON_NAME_LENGTH
    )
    # Null if an older account had an equal e-mail when the keys were introduced: then only the exact e-mail logs in.
    email_key: str | None = computed_column(identity_key, "email", default=None, sa_type=key_type())
    password_hash: str | None = None
    is_active: bool = True
    # The last e-mail that the issuer of an external user named, and the time of issue of that token.
    issuer_email: str | None = Field(default=None, max_length=MAX_EMAIL_LENGTH)
    issuer_email_at: datetime | None = None
    created_at: datetime = api_column("Time of creation.", example=EXAMPLE_TIME, filterable=False, sort_key="created")
    updated_at: datetime = api_column("Time of the last change.", example=EXAMPLE_TIME, filterable=False)
    revision: ClassVar[DerivedColumn] = DerivedColumn(
        description="Revision of the last write to the account's data.",
        example=42,
        filterable=False,
        value_type=int,
        expression=_latest_revision,
    )


class UserRevision(Owned, table=True):
    """Revision and time of the owner's last write, and `purged_revision`, reserved for purging tombstones (nothing reads it)."""

    __tablename__ = "user_revision"

    revision: int = Field(default=0, sa_type=BigInteger)
    purged_revision: int = Field(default=0, sa_type=BigInteger)
    stamped_at: datetime = Field(sa_column_kwargs={"server_default": func.now()})


class DeletedUser(SQLModel, table=True):
    """A deleted account. Its tokens from an external issuer must not create the account again."""

    __tablename__ = "deleted_user"

    user_id: str = Field(primary_key=True, sa_type=Text)
    deleted_at: datetime


class AccountDeletion(Owned, table=True):
    """A deleted account whose rows are not all deleted yet. The row is deleted with the account, the last of them."""

    __tablename__ = "account_deletion"

    requested_at: datetime


class Registration(InputSchema):
    """Fields of a new local account."""

    email: Email
    password: Password
    name: PersonName | None = None


class Credentials(InputSchema):
    """E-mail and password that a client submits for a login."""

    email: SubmittedEmail
    password: SubmittedPassword


class AccountUpdate(UpdateSchema):
    """Changes to an account. A new e-mail or password requires the current password."""

    email: Email = optional_not_null()
    name: PersonName | None = None
    password: Password = optional_not_null()
    current_password: SubmittedPassword | None = None
