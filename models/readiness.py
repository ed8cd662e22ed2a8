"""May the service run on this database? It answers, it is migrated, and row-level security would hold."""

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError, DBAPIError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from models.database import APP_ROLE
from models.migrate import newest_version
from models.tables import TABLES

_NOT_MIGRATED = "the database is not migrated: run `todo migrate` with the owner's URL"
_BECOME_APP = text(f"BEGIN; SET LOCAL ROLE {APP_ROLE}")
_VERSION = text("SELECT version_num FROM alembic_version")
_ROLE_THAT_BYPASSES = text("SELECT current_user FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)")
_UNPROTECTED = text("""
    SELECT wanted.name
    FROM unnest(cast(:tables AS text[])) AS wanted (name)
    LEFT JOIN pg_class AS relation ON relation.oid = to_regclass(quote_ident(wanted.name))
    WHERE relation.oid IS NULL
       OR NOT (relation.relrowsecurity AND relation.relforcerowsecurity)
       OR NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = relation.oid)
       OR pg_has_role(current_user, relation.relowner, 'USAGE')
    ORDER BY 1
""")


class NotReady(Exception):
    """The service must not run on this database; the text is one line that says why and what to do."""


def check_readiness(engine: Engine) -> None:
    """Raise NotReady unless the service may run on this database."""
    try:
        with engine.connect() as connection:
            _check_role(connection)
            _check_version(connection)
            _check_row_level_security(connection)
    except (DBAPIError, PoolTimeoutError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        line = str(cause).strip().replace("\n", " ")
        raise NotReady(f"the database is not reachable at {_place(engine)}: {line}") from error


def _check_role(connection: Connection) -> None:
    try:
        connection.execute(_BECOME_APP)
    except DataError as error:  # there is no such role
        raise NotReady(_NOT_MIGRATED) from error
    except ProgrammingError as error:
        raise NotReady(
            f"the database user {connection.engine.url.username} cannot become {APP_ROLE} ({str(error.orig).strip()}): "
            f"run `todo migrate` with the owner's URL, then, as the owner, GRANT {APP_ROLE} TO {connection.engine.url.username}"
        ) from error
    bypassing = connection.execute(_ROLE_THAT_BYPASSES).scalar()
    if bypassing is not None:
        raise NotReady(f"row-level security would not hold: the role {bypassing} is a superuser or has BYPASSRLS")


def _check_version(connection: Connection) -> None:
    needed = newest_version()
    try:
        version = connection.execute(_VERSION).scalar()
    except ProgrammingError as error:
        raise NotReady(_NOT_MIGRATED) from error
    if version != needed:
        raise NotReady(f"the database is at version {version}, this code needs {needed}: run `todo migrate` with the owner's URL")


def _check_row_level_security(connection: Connection) -> None:
    tables = [str(table.__tablename__) for table in TABLES]
    unprotected = connection.execute(_UNPROTECTED, {"tables": tables}).scalars().all()
    if unprotected:
        raise NotReady(
            "row-level security would not hold on: " + ", ".join(unprotected) + " (it must be enabled and forced, "
            f"with a policy, and {APP_ROLE} must not own the table): run `todo migrate` with the owner's URL"
        )


def _place(engine: Engine) -> str:
    url = engine.url
    return f"{url.host or url.query.get('host') or 'localhost'}:{url.port or 5432}/{url.database}"
