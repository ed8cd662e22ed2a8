"""Databases whose owner is neither a superuser nor bypasses row-level security, as an operator creates them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from models import migrate as migrations
from models.database import parse_url
from models.embedded_postgres import embedded_postgres
from tests.support.service import PostgresServer

_CREATE_OWNERS = """
CREATE ROLE plain_owner LOGIN CREATEROLE; GRANT todo_app TO plain_owner WITH ADMIN OPTION;
CREATE ROLE weak_owner LOGIN; GRANT todo_app TO weak_owner;
"""


@contextmanager
def run_server_with_owners(folder: Path) -> Iterator[PostgresServer]:
    """Run a PostgreSQL server with the roles plain_owner and weak_owner, who cannot create roles."""
    with embedded_postgres(folder) as (owner, service):
        running = PostgresServer(owner, service)
        running.execute(_CREATE_OWNERS)
        yield running


def empty_database(server: PostgresServer, owner: str) -> tuple[PostgresServer, str]:
    """Create a database of the owner; return it and the URL of the owner."""
    empty = server.copy("template0")
    server.execute(f"ALTER DATABASE {parse_url(empty.owner).database} OWNER TO {owner}")
    return empty, empty.owner.replace("postgres:@", f"{owner}:@", 1)


def migrate_to(url: str, version: str) -> None:
    """Migrate to an older version than the newest one."""
    engine = create_engine(parse_url(url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    with engine.connect() as connection:
        while migrations.current_version(connection) != version:
            connection.rollback()
            migrations._run_step(engine, is_new=False)
