"""Accounts: who owns rows, and the one counter that orders all of an owner's writes."""

from datetime import datetime
from typing import Annotated

from pydantic import Field as ShapeField
from pydantic import StringConstraints
from sqlalchemy import BigInteger, CheckConstraint, Text
from sqlmodel import Field, SQLModel

from models.base import MAX_USER_ID, Owned
from models.shapes import ChangeShape, WriteShape, absent
from models.text import Email, PersonName, Storable, password_form

Password = Annotated[str, ShapeField(min_length=8, max_length=256), Storable, password_form(8, 256)]
GivenPassword = Annotated[str, ShapeField(max_length=256), Storable, password_form(0, 256)]


class User(SQLModel, table=True):
    """An account: local (UUIDv7 text, with a password) or known by another issuer (any opaque text, without)."""

    __table_args__ = (CheckConstraint(f"char_length(id) BETWEEN 1 AND {MAX_USER_ID}", name="ck_user_id"),)

    id: str = Field(primary_key=True, sa_type=Text)
    email: str | None = Field(default=None, unique=True, max_length=254)
    name: str | None = Field(default=None, max_length=100)
    password_hash: str | None = None
    is_active: bool = True
    created_at: datetime
    updated_at: datetime


class UserRevision(Owned, table=True):
    """The number of the owner's last write, and of the last tombstone purged."""

    __tablename__ = "user_revision"

    revision: int = Field(default=0, sa_type=BigInteger)
    purged_revision: int = Field(default=0, sa_type=BigInteger)


class DeletedUser(SQLModel, table=True):
    """Remembers that an account is gone, so that a token signed elsewhere before then cannot bring it back."""

    __tablename__ = "deleted_user"

    user_id: str = Field(primary_key=True, sa_type=Text)
    deleted_at: datetime


class Registration(WriteShape):
    """A new local account."""

    email: Email
    password: Password
    name: PersonName | None = None


class Credentials(WriteShape):
    """An e-mail and a password, right or wrong."""

    email: Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=254), Storable]
    password: GivenPassword


class AccountChange(ChangeShape):
    """Changes to one's own account. A new e-mail or password needs the current password beside it."""

    email: Email = absent()
    name: PersonName | None = None
    password: Password = absent()
    current_password: GivenPassword | None = None
