"""Base classes of user-owned, versioned tables. The owner is the first column of every primary key."""

from datetime import datetime
from typing import Any

import uuid_utils
from sqlalchemy import BigInteger, ForeignKeyConstraint, Text, Uuid
from sqlmodel import SQLModel

from models.columns import api_column

MAX_USER_ID_LENGTH = 64
EXAMPLE_ID = "01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e"
EXAMPLE_LIST_ID = "01939d2c-1111-7c3a-9d7e-3f2b1a0c9d8e"
EXAMPLE_TAG_ID = "01939d2c-2222-7c3a-9d7e-3f2b1a0c9d8e"
EXAMPLE_TIME = "2026-01-05T09:30:00.123456Z"


def new_id() -> str:
    """Return a UUIDv7 (RFC 9562) as text: time-ordered, so new rows are added at the end of a primary key index."""
    return str(uuid_utils.uuid7())


def owner_column() -> Any:
    """Declare the owner column, the first of every primary key. Deleting an account deletes all its rows."""
    return api_column(
        "Id of the user that owns the row.",
        example="ada",
        filterable=False,
        primary_key=True,
        sa_type=Text,
        foreign_key="user.id",
        ondelete="CASCADE",
    )


def id_type() -> Any:
    """Return the SQL type of ids: text in Python, uuid in the database."""
    return Uuid(as_uuid=False)


def owner_scoped_foreign_key(column: str, target: str, *, on_delete: str) -> ForeignKeyConstraint:
    """Return the foreign key (user_id, column) → target (user_id, id): no row can reference another user's data."""
    return ForeignKeyConstraint(
        ["user_id", column],
        [f"{target}.user_id", f"{target}.id"],
        name=f"fk_{target}_{column}",
        ondelete=on_delete,
    )


class Owned(SQLModel):
    """Base class of rows that belong to one user."""

    user_id: str = owner_column()


class Versioned(Owned):
    """Base class of rows that clients can synchronise: each has a revision, and a deleted row is kept as a tombstone."""

    id: str = api_column("Unique id of the row.", example=EXAMPLE_ID, primary_key=True, sa_type=id_type())
    created_at: datetime = api_column("Time of creation.", example=EXAMPLE_TIME, sort_key="created")
    updated_at: datetime = api_column("Time of the last change.", example=EXAMPLE_TIME, sort_key="updated")
    revision: int = api_column(
        "Revision of the owner's data at the last change of the row; in the REST API also its ETag.",
        example=42,
        sa_type=BigInteger,
    )
    deleted_at: datetime | None = None


class Positioned(Versioned):
    """Base class of rows in an order that the user chooses: a row is moved by a position between those of its neighbours.

    Each table declares the column again, with a description of the rows that it orders.
    """

    position: float
