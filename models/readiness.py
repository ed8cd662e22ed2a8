"""Readiness check of the database: reachable, migrated, usable, and protected by row-level security."""

from psycopg2.errors import InsufficientPrivilege
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError, DBAPIError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from models.database import APP_ROLE
from models.migrate import newest_version
from models.row_level_security.audit import find_missing_privileges, find_violations, missing_tables

_NOT_MIGRATED = "the database is not migrated: run `todo migrate` with the owner's URL"
_BECOME_APP = text(f"BEGIN; SET LOCAL ROLE {APP_ROLE}")
_VERSION = text("SELECT version_num FROM alembic_version")
# A migration that older code cannot follow leaves its version as a comment; all others only add to the schema.
_OLDEST_VERSION_SQL = text("SELECT obj_description('alembic_version'::regclass, 'pg_class')")
_SCHEMA_USAGE_SQL = text("SELECT has_schema_privilege('public', 'USAGE')")
_FIX_AS_OWNER = "As the owner of the database, run:"
_BYPASSING_ROLE_SQL = text("SELECT current_user FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)")


class NotReadyError(Exception):
    """The service must not use this database; the message is one line with the reason and the fix."""


def check_readiness(engine: Engine) -> None:
    """Raise NotReadyError unless the database is reachable, migrated, usable and protected by row-level security."""
    try:
        with engine.connect() as connection:
            _check_role(connection)
            _check_version(connection)
            _check_tables(connection)
    except (DBAPIError, PoolTimeoutError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        line = str(cause).strip().replace("\n", " ")
        raise NotReadyError(f"the database is not reachable at {_database_address(engine)}: {line}") from error


def check_migrated(engine: Engine) -> None:
    """Raise NotReadyError unless the database is at the version of this code. Raises SQLAlchemy's errors."""
    with engine.connect() as connection:
        _check_version(connection)


def _check_role(connection: Connection) -> None:
    try:
        connection.execute(_BECOME_APP)
    except DataError as error:  # the role does not exist
        raise NotReadyError(_NOT_MIGRATED) from error
    except ProgrammingError as error:
        raise NotReadyError(
            f"the database user {connection.engine.url.username} cannot become {APP_ROLE} ({str(error.orig).strip()}): "
            f"run `todo migrate` with the owner's URL, then, as the owner, GRANT {APP_ROLE} TO {connection.engine.url.username}"
        ) from error
    bypassing = connection.execute(_BYPASSING_ROLE_SQL).scalar()
    if bypassing is not None:
        raise NotReadyError(
            f"row-level security would not hold: the role {bypassing} is a superuser or has BYPASSRLS. "
            f"As a superuser, run: ALTER ROLE {bypassing} NOSUPERUSER NOBYPASSRLS;"
        )


def _check_version(connection: Connection) -> None:
    required = newest_version()
    if not connection.execute(_SCHEMA_USAGE_SQL).scalar():
        raise NotReadyError(
            f"{APP_ROLE} lacks USAGE on the schema public. {_FIX_AS_OWNER} GRANT USAGE ON SCHEMA public TO {APP_ROLE};"
        )
    try:
        version = connection.execute(_VERSION).scalar()
    except ProgrammingError as error:
        if isinstance(error.orig, InsufficientPrivilege):
            raise NotReadyError(
                f"{APP_ROLE} lacks SELECT on alembic_version. {_FIX_AS_OWNER} GRANT SELECT ON alembic_version TO {APP_ROLE};"
            ) from error
        raise NotReadyError(_NOT_MIGRATED) from error
    if version is None or version < required:
        raise NotReadyError(
            f"the database is at version {version}, this code requires {required}: run `todo migrate` with the owner's URL"
        )
    oldest = connection.execute(_OLDEST_VERSION_SQL).scalar()
    if oldest is not None and oldest > required:
        raise NotReadyError(
            f"the database is at version {version}, which requires code of version {oldest} or newer, not {required}: "
            "install the release that migrated the database"
        )


def _check_tables(connection: Connection) -> None:
    missing = missing_tables(connection)
    if missing:
        raise NotReadyError(f"the database has lost tables ({', '.join(missing)}): restore them from a backup")
    problems = {
        "row-level security would not hold": find_violations(connection),
        "privileges are missing": find_missing_privileges(connection),
    }
    causes = [
        f"{problem}: {'; '.join(violation.description for violation in violations)}"
        for problem, violations in problems.items()
        if violations
    ]
    if causes:
        fixes = dict.fromkeys(violation.fix_sql for violations in problems.values() for violation in violations)
        raise NotReadyError(f"{'; '.join(causes)}. {_FIX_AS_OWNER} {' '.join(fixes)}")


def _database_address(engine: Engine) -> str:
    url = engine.url
    return f"{url.host or url.query.get('host') or 'localhost'}:{url.port or 5432}/{url.database}"
