"""Audit of row-level security: compares the catalog of the database with the policies that the migrations created."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection
from sqlmodel import SQLModel

from models.row_level_security.catalog_queries import (
    MISSING_PRIVILEGES_SQL,
    MISSING_TABLES_SQL,
    POLICIES_SQL,
    VIOLATIONS_SQL,
)
from models.row_level_security.policies import ALL, MAINTENANCE_ROLE, RowPolicy, create_policy_sql, required_policies
from models.tables import TABLES

_TABLES = [SQLModel.metadata.tables[str(table.__tablename__)] for table in TABLES]
_PARAMETERS = {"tables": [table.name for table in _TABLES], "maintenance_role": MAINTENANCE_ROLE}


class Violation(NamedTuple):
    """A violation of row-level security or a missing privilege, and the SQL with which the owner fixes it."""

    description: str
    fix_sql: str


def missing_tables(connection: Connection) -> list[str]:
    """Return the names of the tables that the database lacks."""
    return list(connection.execute(MISSING_TABLES_SQL, _PARAMETERS).scalars())


def find_violations(connection: Connection) -> list[Violation]:
    """Return all violations that could let a user read or write rows of another. Call it with the role of the application."""
    violations = [Violation(*row) for row in connection.execute(VIOLATIONS_SQL, _PARAMETERS)]
    return [*violations, *_policy_violations(connection)]


def find_missing_privileges(connection: Connection) -> list[Violation]:
    """Return the privileges on tables that the application or the maintenance role lacks. Call it as `find_violations`."""
    return [Violation(*row) for row in connection.execute(MISSING_PRIVILEGES_SQL, _PARAMETERS)]


def _policy_violations(connection: Connection) -> Iterator[Violation]:
    existing = {(table, name): tuple(rest) for table, name, *rest in connection.execute(POLICIES_SQL, _PARAMETERS)}
    expected = {(table.name, policy.name): policy for table in _TABLES for policy in required_policies(table)}
    for table, name in sorted(existing.keys() | expected.keys()):
        policy = expected.get((table, name))
        definition = existing.get((table, name))
        if policy is None:
            yield Violation(f"the policy {name} on {table} is unexpected", _drop(table, name))
        elif definition is None:
            yield Violation(f"the policy {name} on {table} is missing", f"{create_policy_sql(policy, table)};")
        elif not _matches(policy, *definition):
            yield Violation(
                f"the policy {name} on {table} was changed", f"{_drop(table, name)} {create_policy_sql(policy, table)};"
            )


def _matches(policy: RowPolicy, role: str | None, command: str, using: str | None, check: str | None) -> bool:
    expressions = policy.condition, policy.condition if policy.command == ALL else None
    return (role, command) == (policy.role, policy.command) and (_normalize(using), _normalize(check)) == tuple(
        map(_normalize, expressions)
    )


def _normalize(expression: str | None) -> str | None:
    """Return an expression without the parentheses, casts to text and capital letters that PostgreSQL adds."""
    return None if expression is None else re.sub(r"::text|[\s()]", "", expression.lower())


def _drop(table: str, policy: str) -> str:
    return f"DROP POLICY {_quote_identifier(policy)} ON {_quote_identifier(table)};"


def _quote_identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
