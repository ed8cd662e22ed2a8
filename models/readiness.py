"""Readiness check of the database: reachable, migrated, and protected by row-level security."""

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError, DBAPIError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from models.database import APP_ROLE
from models.migrate import newest_version
from models.row_level_security.audit import find_violations, missing_tables

_NOT_MIGRATED = "the database is not migrated: run `todo migrate` with the owner's URL"
_BECOME_APP = text(f"BEGIN; SET LOCAL ROLE {APP_ROLE}")
_VERSION = text("SELECT version_num FROM alembic_version")
_BYPASSING_ROLE_SQL = text("SELECT current_user FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)")


class NotReadyError(Exception):
    """The service must not use this database; the message is one line with the reason and the fix."""


def check_readiness(engine: Engine) -> None:
    """Raise NotReadyError unless the database is reachable, migrated and protected by row-level security."""
    try:
        with engine.connect() as connection:
            _check_role(connection)
            _check_version(connection)
            _check_row_level_security(connection)
    except (DBAPIError, PoolTimeoutError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        line = str(cause).strip().replace("\n", " ")
        raise NotReadyError(f"the database is not reachable at {_database_address(engine)}: {line}") from error


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
    try:
        version = connection.execute(_VERSION).scalar()
    except ProgrammingError as error:
        raise NotReadyError(_NOT_MIGRATED) from error
    if version != required:
        raise NotReadyError(
            f"the database is at version {version}, this code requires {required}: run `todo migrate` with the owner's URL"
        )


def _check_row_level_security(connection: Connection) -> None:
    missing = missing_tables(connection)
    if missing:
        raise NotReadyError(f"the database has lost tables ({', '.join(missing)}): restore them from a backup")
    violations = find_violations(connection)
    if violations:
        descriptions = "; ".join(violation.description for violation in violations)
        fixes = " ".join(dict.fromkeys(violation.fix_sql for violation in violations))
        raise NotReadyError(f"row-level security would not hold: {descriptions}. As the owner of the database, run: {fixes}")


def _database_address(engine: Engine) -> str:
    url = engine.url
    return f"{url.host or url.query.get('host') or 'localhost'}:{url.port or 5432}/{url.database}"
