"""Privileges of the two roles that read and write rows."""

from collections.abc import Iterable

from sqlalchemy import Connection, text

from models.database import APP_ROLE
from models.row_level_security.policies import MAINTENANCE_ROLE
from models.tables import TABLES

_ROLES = f"{APP_ROLE}, {MAINTENANCE_ROLE}"
_OWNED = {str(table.__tablename__) for table in TABLES}


def grant_privileges(connection: Connection, tables: Iterable[str]) -> None:
    """Grant what the migrations grant on existing tables. The caller is the owner."""
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {_ROLES}"))
    for table in tables:
        privileges = "SELECT, INSERT, UPDATE, DELETE" if table in _OWNED else "SELECT"
        connection.execute(text(f'GRANT {privileges} ON public."{table}" TO {_ROLES}'))
