"""The service without its own user filters.

The driver's cursor removes the conditions from each SQL statement. The settings of the transaction (`SET LOCAL app.…`) stay.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2.extensions
import pytest
from sqlalchemy import Engine, event
from sqlmodel import SQLModel

from api import container
from models.database import make_engine
from models.row_level_security.policies import user_policies
from tests.support.service import PostgresServer, RunningService, run_service, settings_for
from tests.support.table_rows import TABLE_NAMES

# Columns of the policies, which the service filters by too: the owner, and those looked up before the owner is known.
_OWNERS = {policy.column for name in TABLE_NAMES for policy in user_policies(SQLModel.metadata.tables[name])} - {"id"}
_NAME = r'(?:"\w+"|\w+)'
_VALUE = rf"(?:%\(\w+\)s|%s|\$\d+)(?:::\w+)?|{_NAME}\.(?:user_id|id)\b"
_OWNER_CONDITION = re.compile(rf"(?<![\w.\"])(?:(?!app\.){_NAME}\.)?(?:{'|'.join(sorted(_OWNERS))}) = ({_VALUE})")
_ACCOUNT = re.compile(r'"user" AS (\w+)|("user")')
_REMAINING_CONDITION = re.compile(
    rf"(?<!app\.)\b(?:{'|'.join(sorted(_OWNERS))})\b\s+(?:=|<|>|!|IN\b|BETWEEN\b|IS\b|LIKE\b)(?! DISTINCT)"
)


def strip_user_filters(statement: str) -> str:
    """Return the statement without its user filters. Their parameters stay, in conditions that are always true."""
    stripped = _OWNER_CONDITION.sub(r"(\1) IS NOT NULL", statement)
    for names in _ACCOUNT.finditer(statement):
        account = re.escape(names[1] or names[2])
        stripped = re.sub(rf"(?<![\w.]){account}\.id = ({_VALUE})", r"(\1) IS NOT NULL", stripped)
        stripped = re.sub(
            rf"(?<![\w.]){account}\.id = ANY \((CAST\((?:%\(ids\)s|\$\d+) AS TEXT\[\]\))\)", r"(\1) IS NOT NULL", stripped
        )
    stripped = re.sub(r'(FROM "user" WHERE) id = (%\(\w+\)s|\$\d+)', r"\1 (\2) IS NOT NULL", stripped)
    stripped = re.sub(r"\((\$\d+)\) IS NOT NULL", r"(\1::text) IS NOT NULL", stripped)  # PREPARE needs a type
    assert not _REMAINING_CONDITION.search(stripped), f"the statement still has a user filter: {stripped}"
    return stripped


class FilterStripper:
    """Removes user filters, and records the tables of the statements."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self.errors: list[str] = []

    def cursor(self) -> type[psycopg2.extensions.cursor]:
        """Return a cursor class that sends statements without user filters."""
        stripper = self

        class Cursor(psycopg2.extensions.cursor):  # type: ignore[misc] # psycopg2 has no types
            def execute(self, statement: str, values: Any = None) -> None:
                super().execute(stripper.strip(statement), values)

            def executemany(self, statement: str, parameters: Any) -> None:
                super().executemany(stripper.strip(statement), parameters)

        return Cursor

    def strip(self, statement: str) -> str:
        """Remove the filters of a statement, and record its tables."""
        try:
            stripped = strip_user_filters(statement)
        except AssertionError as error:
            self.errors.append(str(error))
            raise
        if stripped != statement:
            self.tables |= {table for table in TABLE_NAMES if re.search(rf"(?<!\w){table}(?!\w)", stripped)}
        return stripped


@contextmanager
def run_unfiltered_service(database: PostgresServer) -> Iterator[tuple[RunningService, FilterStripper]]:
    """Run the service without its own user filters."""
    stripper = FilterStripper()

    def make_stripping_engine(url: str, *, pool_size: int) -> Engine:
        engine = make_engine(url, pool_size=pool_size)
        event.listen(engine, "do_connect", lambda *arguments: arguments[-1].update(cursor_factory=stripper.cursor()))
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(container, "make_engine", make_stripping_engine)
        with run_service(settings_for(database), database) as service:
            yield service, stripper
    assert stripper.errors == []
