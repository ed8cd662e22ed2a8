"""Last use of sessions and API tokens: written outside of requests, without the user's lock."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest
from sqlalchemy.exc import SQLAlchemyError

from services.auth import last_use
from services.auth.claims import Identity
from services.auth.last_use import LastUse
from services.authorization import Authorization
from tests.support.api_clients import ApiClient, GraphQLClient, RestClient
from tests.support.service import PostgresServer, run_service, settings_for
from tests.support.users import TestUser

Kind = Callable[[str, str | None], ApiClient]


def count_used(database: PostgresServer) -> int:
    """Return the number of sessions and API tokens that were used after their creation."""
    return sum(
        database.execute(f"SELECT count(*) FROM {table} WHERE last_used_at > created_at")[0][0]
        for table in ("login_session", "api_token")
    )


@contextmanager
def lock_revision(database: PostgresServer, user: TestUser) -> Iterator[None]:
    """Hold the lock that every write of the user takes."""
    with closing(psycopg2.connect(database.owner)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT FROM user_revision WHERE user_id = %s FOR UPDATE", (user.id,))
        yield


@pytest.mark.parametrize("kind", [RestClient, GraphQLClient])
def test_use_is_written_while_another_transaction_holds_the_lock_of_the_user(
    database: PostgresServer, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    monkeypatch.setattr(last_use, "INTERVAL", 0.05)
    with run_service(settings_for(database), database) as service:
        user = TestUser.register(service.url)
        with kind(service.url, user.token) as client:
            token = client.make_api_token(name="x", scopes=["tasks:read"])["token"]
        database.execute("UPDATE login_session SET last_used_at = created_at")
        with lock_revision(database, user), kind(service.url, token) as api_client, kind(service.url, user.token) as client:
            api_client.http.timeout = 2
            assert api_client.page("task") == client.page("task") == []
            deadline = time.monotonic() + 5
            while count_used(database) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.02)


@pytest.mark.parametrize("kind", [RestClient, GraphQLClient])
def test_use_is_written_when_the_service_stops_and_not_before(database: PostgresServer, kind: Kind) -> None:
    with run_service(settings_for(database), database) as service:
        user = TestUser.register(service.url)
        with kind(service.url, user.token) as client:
            assert client.page("task") == []
            token = client.make_api_token(name="x", scopes=["tasks:read"])["token"]
        with kind(service.url, token) as client:
            assert client.page("task") == []
        assert count_used(database) == 0

    assert count_used(database) == 2


class FailingDatabase:
    """A database whose transactions fail while it `is_down`; it stores the ids of the credentials that were written."""

    def __init__(self) -> None:
        self.is_down = True
        self.written: list[object] = []

    @contextmanager
    def write(self, preamble: Any) -> Iterator[SimpleNamespace]:
        """Write, or fail."""
        if self.is_down:
            raise SQLAlchemyError
        self.written.append(preamble.values["id"])
        yield SimpleNamespace()


def make_last_use() -> tuple[LastUse, FailingDatabase]:
    """Create an object under test, on a database that is down."""
    database = FailingDatabase()
    as_database: Any = database
    return LastUse(as_database), database


def test_use_that_cannot_be_written_is_kept_for_the_next_write() -> None:
    uses, database = make_last_use()
    for number in range(3):
        uses.record(Identity("ada", authorization=Authorization.for_session(str(number))))
    uses.write()
    database.is_down = False

    uses.write()
    uses.write()

    assert sorted(map(str, database.written)) == ["0", "1", "2"]


def test_used_credentials_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_use, "MAX_USED", 5)
    uses, database = make_last_use()
    for number in range(9):
        uses.record(Identity("ada", authorization=Authorization.for_session(str(number))))
    database.is_down = False

    uses.write()

    assert database.written == ["4", "5", "6", "7", "8"]
