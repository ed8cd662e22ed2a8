"""Does the database itself keep users apart? What its catalog says, held against what the migrations made."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection
from sqlmodel import SQLModel

from models.row_level_security.catalog_queries import MISSING_TABLES_SQL, POLICIES_SQL, VIOLATIONS_SQL
from models.row_level_security.policies import ALL, RowPolicy, policies_of
from models.tables import TABLES

_TABLES = [SQLModel.metadata.tables[str(table.__tablename__)] for table in TABLES]
_PARAMETERS = {"tables": [table.name for table in _TABLES]}


class Violation(NamedTuple):
    """What is not as it must be, and the SQL with which the owner mends it."""

    description: str
    fix_sql: str


def missing_tables(connection: Connection) -> list[str]:
    """Return the names of those tables that are not there."""
    return list(connection.execute(MISSING_TABLES_SQL, _PARAMETERS).scalars())


def find_violations(connection: Connection) -> list[Violation]:
    """Return all that would let a user see or write what is another's. Ask it as the application's role."""
    found = [Violation(*row) for row in connection.execute(VIOLATIONS_SQL, _PARAMETERS)]
    return [*found, *_policy_violations(connection)]


def _policy_violations(connection: Connection) -> Iterator[Violation]:
    found = {(table, name): tuple(rest) for table, name, *rest in connection.execute(POLICIES_SQL, _PARAMETERS)}
    wanted = {(table.name, policy.name): policy for table in _TABLES for policy in policies_of(table)}
    for table, name in sorted(found.keys() | wanted.keys()):
        policy = wanted.get((table, name))
        there = found.get((table, name))
        if policy is None:
            yield Violation(f"the policy {name} on {table} is none of ours", _drop(table, name))
        elif there is None:
            yield Violation(f"the policy {name} on {table} is missing", f"{policy.create_sql(table)};")
        elif not _is(policy, *there):
            yield Violation(f"the policy {name} on {table} was changed", f"{_drop(table, name)} {policy.create_sql(table)};")


def _is(policy: RowPolicy, for_everybody: bool, command: str, using: str | None, check: str | None) -> bool:
    wanted = policy.condition, policy.condition if policy.command == ALL else None
    return (
        for_everybody and command == policy.command and (_normalize(using), _normalize(check)) == tuple(map(_normalize, wanted))
    )


def _normalize(expression: str | None) -> str | None:
    """Leave out what PostgreSQL adds when it spells an expression: brackets, casts to text, and capitals."""
    return None if expression is None else re.sub(r"::text|[\s()]", "", expression.lower())


def _drop(table: str, policy: str) -> str:
    return f"DROP POLICY {_quoted(policy)} ON {_quoted(table)};"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
