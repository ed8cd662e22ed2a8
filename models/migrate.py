"""Database migrations with Alembic, run by the owner of the tables."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from models.database import parse_url

_MIGRATION_LOCK_KEY = 7_063_710  # key of the advisory lock that serializes concurrent migrations; an arbitrary constant


def migrate(owner_url: str) -> tuple[str | None, str]:
    """Run the pending migrations in one transaction; return the versions before and after.

    The lock belongs to the transaction, so a pooler in transaction mode can be used. Raises sqlalchemy.exc.DBAPIError.
    """
    engine = create_engine(parse_url(owner_url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK_KEY})
        before = current_version(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, newest_version()


def newest_version() -> str:
    """Return the newest version, which this code requires."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        msg = "no migration scripts found"
        raise RuntimeError(msg)
    return head


def current_version(connection: Connection) -> str | None:
    """Return the version of the database, or None if it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
