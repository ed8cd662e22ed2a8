"""The deadline that all statements of a write transaction share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from time import monotonic, sleep

import psycopg2
import pytest
from psycopg2.errorcodes import QUERY_CANCELED
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import PoolProxiedConnection

from models.database import Database, TransactionPreamble, make_engine
from models.sql.execution import driver_connection, fetch
from models.sql.statement import Statement
from tests.support.api_clients import ApiClient, GraphQLClient, RestClient, expect_error
from tests.support.service import PostgresServer, run_service, settings_for
from tests.support.users import TestUser

TIMEOUT = 0.6  # seconds
SLOW = 0.4  # less than the timeout, and more than half of it
SLOW_INSERT = f"""
    CREATE FUNCTION slow_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({SLOW}); RETURN new; END $$;
    CREATE TRIGGER slow_insert BEFORE INSERT ON task_tag FOR EACH ROW EXECUTE FUNCTION slow_insert();
"""
SLOW_TASKS = "CREATE TRIGGER slow_insert BEFORE INSERT ON task FOR EACH ROW EXECUTE FUNCTION slow_insert();"

both_apis = pytest.mark.parametrize("kind", [RestClient, GraphQLClient], ids=["rest", "graphql"])
ClientType = Callable[[str, str], ApiClient]


@pytest.fixture
def start_client(database: PostgresServer) -> Iterator[Callable[[ClientType], tuple[ApiClient, str]]]:
    """Return a function that registers a user at a service with a short timeout and one connection, and returns a client."""
    settings = settings_for(database, statement_timeout_ms=int(TIMEOUT * 1000), database_pool_size=1)
    with run_service(settings, database) as service:
        user = TestUser.register(service.url)
        database.execute(SLOW_INSERT)
        yield lambda kind: (kind(service.url, user.token), user.id)


@contextmanager
def locked_revision(database: PostgresServer, user_id: str, seconds: float) -> Iterator[None]:
    """Hold the user's lock, as another write would, for some seconds."""
    lock = psycopg2.connect(database.owner)
    with lock.cursor() as cursor:
        cursor.execute("SELECT FROM user_revision WHERE user_id = %s FOR UPDATE", (user_id,))
    timer = Timer(seconds, lock.rollback)
    timer.start()
    yield
    timer.join()
    lock.close()


@both_apis
def test_statements_of_a_write_share_one_deadline(
    start_client: Callable[[ClientType], tuple[ApiClient, str]], database: PostgresServer, kind: ClientType
) -> None:
    client, _ = start_client(kind)
    with client:
        tag = client.create("tag", name="a")["id"]
        assert client.create("task", title="one slow statement", tag_ids=[tag])["tag_ids"] == [tag]
        before = client.get("tag", tag), client.page("task")
        database.execute(SLOW_TASKS)

        started = monotonic()
        with expect_error("UNAVAILABLE") as error:
            client.create("task", title="two slow statements", tag_ids=[tag])
        assert SLOW < monotonic() - started < 2 * SLOW
        assert error.value.status == 503
        assert (client.get("tag", tag), client.page("task")) == before
        assert client.create("task", title="no tags")["revision"] == before[1][0]["revision"] + 1


@both_apis
def test_waiting_for_the_lock_of_the_user_counts_towards_the_deadline(
    start_client: Callable[[ClientType], tuple[ApiClient, str]], database: PostgresServer, kind: ClientType
) -> None:
    client, user_id = start_client(kind)
    with client:
        tag = client.create("tag", name="a")["id"]
        with locked_revision(database, user_id, SLOW), expect_error("UNAVAILABLE"):
            client.create("task", title="slow after waiting", tag_ids=[tag])
        assert client.page("task") == []
        with locked_revision(database, user_id, SLOW):
            client.create("task", title="quick after waiting")


def test_deadline_limits_statements_of_the_driver_and_ends_with_the_transaction(database: PostgresServer) -> None:
    engine = make_engine(database.service, pool_size=1)
    transactions = Database(engine, statement_timeout=int(TIMEOUT * 1000))
    preamble = TransactionPreamble({}, [Statement.parse("SELECT 1")], {})

    def run_slow(pooled: PoolProxiedConnection) -> None:
        fetch(pooled, Statement.parse("SELECT pg_sleep(%(seconds)s)"), {"seconds": SLOW})

    with transactions.write(preamble) as (connection, _):
        run_slow(driver_connection(connection))
        with pytest.raises(OperationalError) as error:
            run_slow(driver_connection(connection))
        assert getattr(error.value.orig, "pgcode", None) == QUERY_CANCELED
        sleep(TIMEOUT - SLOW)
        with pytest.raises(OperationalError, match="exceeded its time limit"):
            run_slow(driver_connection(connection))
    with transactions.read(preamble) as (pooled, _):
        run_slow(pooled)
        run_slow(pooled)
    engine.dispose()
