"""The true service with its own lock taken off: no statement it sends says any more whose rows it means.

The conditions are cut out of the SQL on its way to the database, in the driver's cursor, through which everything goes. What the
database is told of the user (`SET LOCAL app.…`) stays.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2.extensions
import pytest
from sqlalchemy import Engine, event
from sqlmodel import SQLModel

from api import house
from models.database import make_engine
from models.policies import policies_of
from tests.support.service import Cluster, Service, serving, settings_for
from tests.support.table_rows import TABLE_NAMES

# What the policies go by, the service goes by, too: the owner, and what is known of a row before its owner is.
_OWNERS = {policy.column for name in TABLE_NAMES for policy in policies_of(SQLModel.metadata.tables[name])} - {"id"}
_NAME = r'(?:"\w+"|\w+)'
_VALUE = rf"(?:%\(\w+\)s|%s)(?:::\w+)?|{_NAME}\.(?:user_id|id)\b"
_WHOSE = re.compile(rf"(?<![\w.\"])(?:(?!app\.){_NAME}\.)?(?:{'|'.join(sorted(_OWNERS))}) = ({_VALUE})")
_ACCOUNT = re.compile(r'"user" AS (\w+)|("user")')
_LEFT = re.compile(rf"(?<!app\.)\b(?:{'|'.join(sorted(_OWNERS))})\b\s+(?:=|<|>|!|IN\b|BETWEEN\b|IS\b|LIKE\b)(?! DISTINCT)")


def unfiltered(statement: str) -> str:
    """Return the statement without its conditions on whose rows it means. Their parameters stay, in conditions always true."""
    cut = _WHOSE.sub(r"(\1) IS NOT NULL", statement)
    for names in _ACCOUNT.finditer(statement):
        account = re.escape(names[1] or names[2])
        cut = re.sub(rf"(?<![\w.]){account}\.id = ({_VALUE})", r"(\1) IS NOT NULL", cut)
        cut = re.sub(rf"(?<![\w.]){account}\.id = ANY \((CAST\(%\(ids\)s AS TEXT\[\]\))\)", r"(\1) IS NOT NULL", cut)
    cut = re.sub(r'(FROM "user" WHERE) id = (%s)', r"\1 (\2) IS NOT NULL", cut)
    assert not _LEFT.search(cut), f"this statement still says whose rows it means: {cut}"
    return cut


class Unfiltered:
    """What was cut: how many statements, and which tables they were about."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self.flaws: list[str] = []

    def cursor(self) -> type[psycopg2.extensions.cursor]:
        """Return a class of cursors that send statements unfiltered."""
        noted = self

        class Cursor(psycopg2.extensions.cursor):  # type: ignore[misc] # psycopg2 has no types
            def execute(self, statement: str, values: Any = None) -> None:
                super().execute(noted.cut(statement), values)

            def executemany(self, statement: str, several: Any) -> None:
                super().executemany(noted.cut(statement), several)

        return Cursor

    def cut(self, statement: str) -> str:
        """Cut a statement, and note its tables."""
        try:
            cut = unfiltered(statement)
        except AssertionError as error:
            self.flaws.append(str(error))
            raise
        if cut != statement:
            self.tables |= {table for table in TABLE_NAMES if re.search(rf"(?<!\w){table}(?!\w)", cut)}
        return cut


@contextmanager
def serving_unfiltered(database: Cluster) -> Iterator[tuple[Service, Unfiltered]]:
    """Serve without the service's own filters."""
    noted = Unfiltered()

    def made(url: str, *, pool_size: int) -> Engine:
        engine = make_engine(url, pool_size=pool_size)
        event.listen(engine, "do_connect", lambda *arguments: arguments[-1].update(cursor_factory=noted.cursor()))
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house, "make_engine", made)
        with serving(settings_for(database), database) as service:
            yield service, noted
    assert noted.flaws == []
