"""Database migrations with Alembic, run by the owner of the tables."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from models.database import parse_url
from models.migrations.backfill import Backfill
from models.row_level_security.grants import grant_privileges
from models.tables import TABLES

_MIGRATION_LOCK_KEY = 7_063_710  # key of the advisory lock that serializes concurrent migrations; an arbitrary constant
_FOLDER = Path(__file__).parent / "migrations"
_VERSION_FOLDERS = [_FOLDER / "versions"]

_TABLE_NAMES = [*(str(table.__tablename__) for table in TABLES), "alembic_version"]
_IS_OWNER_SQL = text("""
    SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relname = ANY (:tables)
""")

_logger = logging.getLogger("todo.migration")


def migrate(owner_url: str) -> tuple[str | None, str]:
    """Run the pending migrations, create and grant what a restore may have lost; return the versions before and after.

    Each migration, and each batch of a backfill, is a transaction of its own: after an error or a crash, the next call continues.
    Raises sqlalchemy.exc.DBAPIError, BackfillError.
    """
    engine = create_engine(parse_url(owner_url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    with locked_transaction(engine) as connection:
        before = current_version(connection)
    is_newer = before is not None and before > newest_version()  # of a later release
    while not is_newer and _run_step(engine, is_new=before is None):
        pass
    with locked_transaction(engine) as connection:
        _repeat_grants(connection)
    return before, before if is_newer and before else newest_version()


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


def is_known_version(version: str) -> bool:
    """Return whether this code has the migration of the version; a newer release may have migrated the database."""
    return any(script.revision == version for script in _scripts())


def create_roles(connection: Connection) -> None:
    """Create the roles of the migrations that do not exist, and grant them to the owner, as the migrations do."""
    for script in _scripts():
        if hasattr(script.module, "ROLE"):
            connection.execute(text(script.module.ROLE))


@contextmanager
def locked_transaction(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that holds the lock of the migrations. A session lock would not work through a pooler."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK_KEY})
        yield connection


def _run_step(engine: Engine, *, is_new: bool) -> bool:
    """Run the next batch or the next migration; return False if there is none. A new database has nothing to block."""
    with locked_transaction(engine) as connection:
        script = _next_script(current_version(connection))
        if script is None:
            return False
        backfills: Sequence[Backfill] = getattr(script.module, "backfills", ())
        if any(backfill.fill_batch(connection) for backfill in backfills):
            return True
        if hasattr(script.module, "locks") and not is_new:
            _logger.info("migration %s blocks %s", script.revision, script.module.locks)
        for backfill in backfills:
            backfill.finish(connection)
        _upgrade(connection, script.revision)
        if not getattr(script.module, "is_rolling", True):
            connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{script.revision}'"))
    return True


def _next_script(version: str | None) -> Script | None:
    """Return the script that follows a version; None if it is the newest."""
    *_, following = [None, *ScriptDirectory.from_config(_config()).iterate_revisions("head", version or "base")]
    return following


def _scripts() -> Iterator[Script]:
    return ScriptDirectory.from_config(_config()).walk_revisions()


def _repeat_grants(connection: Connection) -> None:
    """Create the roles and grant their privileges again, if the caller is the owner of the tables."""
    if connection.execute(_IS_OWNER_SQL, {"tables": _TABLE_NAMES}).scalar():
        create_roles(connection)
        grant_privileges(connection, _TABLE_NAMES)


def _upgrade(connection: Connection, version: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, _VERSION_FOLDERS)))
    return config
