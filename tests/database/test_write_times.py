"""Times of writes: they follow the order of the commits of one user."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from models.database import Database, make_engine
from models.sql.statement_counter import count_statements
from services.user_context import UserContext
from tests.support.api_clients import ApiClient, ClientFactory, Row
from tests.support.service import PostgresServer, RunningService
from tests.support.users import TestUser

WRITES_PER_CLIENT = 150


@contextmanager
def lock_revision(database: PostgresServer, user: TestUser) -> Iterator[None]:
    """Hold the lock of the user's revision counter, as another write would."""
    connection = psycopg2.connect(database.owner)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM user_revision WHERE user_id = %s FOR UPDATE", (user.id,))
            yield
            connection.commit()
    finally:
        connection.close()


def wait_for_blocked_write(database: PostgresServer) -> None:
    """Wait until a transaction waits for a row lock of this database."""
    query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    deadline = time.monotonic() + 10
    while not database.execute(query):
        assert time.monotonic() < deadline, "no transaction waits for a lock"


def time_of(row: Row, name: str = "updated_at") -> datetime:
    return datetime.fromisoformat(row[name])


def test_times_of_concurrent_writes_follow_the_revision(make_client: ClientFactory, user: TestUser) -> None:
    clients = [make_client(user.token) for _ in range(2)]
    shared = clients[0].create("task", title="shared")

    def write(client: ApiClient, number: int) -> Row:
        if number % 3 == 0:
            return client.create("task", title=f"task {number}")
        return client.complete(shared["id"])

    with ThreadPoolExecutor(len(clients)) as pool:
        written = list(pool.map(lambda client: [write(client, number) for number in range(WRITES_PER_CLIENT)], clients))

    rows = sorted((row for rows in written for row in rows), key=lambda row: row["revision"])
    assert len({row["revision"] for row in rows}) == 2 * WRITES_PER_CLIENT
    times = [time_of(row) for row in rows]
    assert [number for number, time in enumerate(times[1:]) if time < times[number]] == []
    assert all(row["completed_at"] in {None, row["updated_at"]} for row in rows)


def test_write_takes_its_time_after_it_has_waited_for_the_lock(
    service: RunningService, client: ApiClient, user: TestUser
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with lock_revision(service.database, user):
            blocked = pool.submit(client.create, "task", title="x", status="completed")
            wait_for_blocked_write(service.database)
            released_at = datetime.now(UTC)
        task = blocked.result()

    assert time_of(task) > released_at
    assert task["created_at"] == task["updated_at"] == task["completed_at"]


def test_times_never_go_back_if_the_clock_does(service: RunningService, client: ApiClient, user: TestUser) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    service.database.execute("UPDATE user_revision SET stamped_at = %s WHERE user_id = %s", ahead, user.id)

    task = client.create("task", title="x")
    home = client.create("list", name="Home")
    completed = client.complete(task["id"])

    assert ahead <= time_of(task) <= time_of(home) <= time_of(completed, "completed_at") == time_of(completed)


@pytest.mark.parametrize("is_write", [False, True], ids=["read", "write"])
def test_time_of_a_transaction_takes_no_extra_statement(service: RunningService, user: TestUser, *, is_write: bool) -> None:
    engine = make_engine(service.database.service, pool_size=1)
    context = UserContext(user.id, Database(engine, statement_timeout=5000))
    with count_statements() as sent, (context.write_transaction if is_write else context.read_transaction)() as transaction:
        assert transaction.now.tzinfo is not None
    engine.dispose()
    assert sent.count == 1
