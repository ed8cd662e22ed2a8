"""What every user-owned table has in common: the owner first in the key, and the versioned columns."""

from datetime import datetime
from typing import Any

import uuid_utils
from sqlalchemy import BigInteger, ForeignKeyConstraint, Text, Uuid
from sqlmodel import Field, SQLModel

MAX_USER_ID = 64


def new_id() -> str:
    """Return a UUIDv7 (RFC 9562) as text: time-ordered, so a primary key made of it grows at its end."""
    return str(uuid_utils.uuid7())


def owner_key() -> Any:
    """Declare the column that leads every key: the owner. Deleting an account deletes all its rows."""
    return Field(primary_key=True, sa_type=Text, foreign_key="user.id", ondelete="CASCADE")


def id_type() -> Any:
    """Ids travel as text in Python, as uuid in the database."""
    return Uuid(as_uuid=False)


def owned_reference(column: str, target: str, *, on_delete: str, partner: str = "id") -> ForeignKeyConstraint:
    """Reference (user_id, column) → target (user_id, id): the database itself refuses to point into another user's data."""
    return ForeignKeyConstraint(
        ["user_id", column],
        [f"{target}.user_id", f"{target}.{partner}"],
        name=f"fk_{target}_{column}",
        ondelete=on_delete,
    )


class Owned(SQLModel):
    """Rows that belong to one user."""

    user_id: str = owner_key()


class Versioned(Owned):
    """Rows a client may synchronise: stamped with their owner's revision; deleting leaves a tombstone."""

    id: str = Field(primary_key=True, sa_type=id_type())
    created_at: datetime
    updated_at: datetime
    revision: int = Field(sa_type=BigInteger)
    deleted_at: datetime | None = None


class Positioned(Versioned):
    """Rows that the user puts in an order: a row moves by taking a number between its neighbours'."""

    position: float
