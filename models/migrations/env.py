"""Alembic environment: runs the scripts on the connection that models/migrate.py passes."""

from alembic import context
from sqlmodel import SQLModel

from models.tables import TABLES

assert TABLES  # noqa: S101 - the import adds the tables to the metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
