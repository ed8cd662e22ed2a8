"""Migrations, connection URLs, database outages and concurrent writes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import psycopg2
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from models.database import Database, TransactionPreamble, make_engine, parse_url
from models.migrate import migrate, newest_version
from models.sql.statement import Statement
from models.tables import TABLES
from tests.support.api_clients import TLS, GraphQLClient, RestClient
from tests.support.service import PostgresServer, RunningService, run_service, run_sql, settings_for
from tests.support.users import TestUser


def test_migrations_create_the_tables_of_the_models(database: PostgresServer) -> None:
    engine = create_engine(parse_url(database.owner).set(drivername="postgresql+psycopg2"))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), SQLModel.metadata)
    engine.dispose()

    assert TABLES
    assert differences == []


def test_migrating_twice_changes_nothing(database: PostgresServer) -> None:
    assert migrate(database.owner) == (newest_version(), newest_version())


def test_concurrent_migrations_wait_for_each_other(postgres: PostgresServer) -> None:
    empty = postgres.copy("template0")
    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(migrate, [empty.owner] * 4))

    assert {after for _, after in versions} == {newest_version()}
    assert None in {before for before, _ in versions}


def test_every_index_starts_with_the_owner_column(database: PostgresServer) -> None:
    """Primary keys, foreign keys and indexes begin with user_id; an account is its own owner."""
    keys = run_sql(
        database.owner,
        """SELECT relation.relname, coalesce(conname, index_relation.relname), attname
           FROM pg_index JOIN pg_class AS relation ON relation.oid = indrelid
           JOIN pg_class AS index_relation ON index_relation.oid = indexrelid
           LEFT JOIN pg_constraint ON conindid = indexrelid AND contype IN ('p', 'u')
           JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
           WHERE relation.relnamespace = 'public'::regnamespace
             AND relation.relname NOT IN ('user', 'alembic_version')""",
    )

    # Hashes of secrets are looked up before the user is known.
    assert {column for _, _, column in keys} == {"user_id", "handle_hash", "token_hash"}
    assert {str(table) for table, _, _ in keys} == {str(table.__tablename__) for table in TABLES} - {"user"}


def test_every_foreign_key_has_a_full_index_on_its_referencing_columns(database: PostgresServer) -> None:
    """Cascades look for referencing rows, deleted ones too: without a full index, each reads all rows of the user."""
    unindexed = run_sql(
        database.owner,
        """SELECT conrelid::regclass::text, conname FROM pg_constraint
           WHERE contype = 'f' AND NOT EXISTS (
             SELECT FROM pg_index
             WHERE indrelid = conrelid AND indpred IS NULL AND indexprs IS NULL AND indisvalid
               AND (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey)""",
    )

    assert unindexed == []


@pytest.mark.parametrize(
    "url",
    [
        "postgres://user:pw@ep-cool-name-pooler.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require",
        "postgresql://user:pw@host:5432/db",
        "postgresql+psycopg2://user:pw@host/db?sslmode=require",
    ],
)
def test_postgres_urls_are_accepted_unchanged(url: str) -> None:
    parsed = parse_url(url)

    assert parsed.drivername == "postgresql+psycopg2_todo"
    assert (parsed.username, parsed.password) == ("user", "pw")
    assert dict(parsed.query) == dict(parse_url(url.replace("postgres://", "postgresql://")).query)
    engine = make_engine(url, pool_size=1)
    _, arguments = engine.dialect.create_connect_args(parsed)
    assert {"host", "user", "password", "dbname", *parsed.query} <= arguments.keys() | {"db"}


def test_broken_connection_is_replaced_transparently(database: PostgresServer) -> None:
    with (
        run_service(settings_for(database), database) as running,
        RestClient(running.url, TestUser.register(running.url).token) as client,
    ):
        client.create("task", title="x")
        for _ in range(3):
            run_sql(
                database.owner,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            assert len(client.page("task")) == 1


def test_unreachable_database_returns_503_and_recovers(database: PostgresServer, postgres: PostgresServer) -> None:
    name = parse_url(database.owner).database
    terminate_backends = (
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    )
    with run_service(settings_for(database), database) as running:
        user = TestUser.register(running.url)
        with RestClient(running.url, user.token) as rest_client, GraphQLClient(running.url, user.token) as graphql_client:
            rest_client.create("task", title="x")
            postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            postgres.execute(terminate_backends)

            unavailable = rest_client.http.get("/api/me/tasks")
            assert (unavailable.status_code, unavailable.json()["error_code"]) == (503, "UNAVAILABLE")
            assert int(unavailable.headers["retry-after"]) > 0
            assert graphql_client.post({"query": "{ tasks { totalCount } }"})["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
            assert rest_client.http.get("/ready").status_code == 503
            assert rest_client.http.get("/health").status_code == 200

            postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            assert len(rest_client.page("task")) == 1
            assert rest_client.http.get("/ready").status_code == 200


def test_database_unavailable_for_under_a_second_is_retried(database: PostgresServer, postgres: PostgresServer) -> None:
    name = parse_url(database.owner).database
    with run_service(settings_for(database), database) as running:
        user = TestUser.register(running.url)
        with RestClient(running.url, user.token) as rest_client:
            postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            timer = threading.Timer(0.4, postgres.execute, [f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"])
            timer.start()

            assert rest_client.page("task") == []
            timer.join()


def test_all_closed_connections_of_the_pool_are_replaced(database: PostgresServer) -> None:
    engine = make_engine(database.service, pool_size=4)
    transactions, preamble = Database(engine, statement_timeout=5000), TransactionPreamble({}, [Statement.parse("SELECT 1")], {})
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(transactions.read(preamble))
    run_sql(
        database.owner,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )

    for begin in (transactions.read, transactions.write):
        with begin(preamble) as (_, first):
            assert first == (1,)
    engine.dispose()


def test_statement_timeout_returns_503(database: PostgresServer) -> None:
    with run_service(settings_for(database, statement_timeout_ms=200), database) as running:
        user = TestUser.register(running.url)
        lock = psycopg2.connect(database.owner)
        with RestClient(running.url, user.token) as rest_client, lock.cursor() as cursor:
            cursor.execute("LOCK TABLE task IN ACCESS EXCLUSIVE MODE")
            assert rest_client.http.get("/api/me/tasks").status_code == 503
            lock.rollback()
            assert rest_client.http.get("/api/me/tasks").status_code == 200
        lock.close()


def test_more_clients_than_connections_are_all_served(database: PostgresServer) -> None:
    with run_service(settings_for(database, database_pool_size=2), database) as running:
        token = TestUser.register(running.url).token

        def send_request(number: int) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=running.url, headers=headers, timeout=60, verify=TLS) as client:
                if number % 3 == 0:
                    return client.post("/graphql", json={"query": "{ tasks { totalCount } lists { totalCount } }"}).status_code
                if number % 3 == 1:
                    return client.get("/api/me/tasks?include=tags,subtasks").status_code
                return client.post("/api/me/tasks", json={"title": str(number)}).status_code

        with ThreadPoolExecutor(20) as pool:
            statuses = list(pool.map(send_request, range(90)))

    assert sorted(statuses) == [200] * 60 + [201] * 30


def test_concurrent_writes_get_distinct_revisions(service: RunningService, user: TestUser) -> None:
    with ThreadPoolExecutor(8) as pool, RestClient(service.url, user.token) as client:
        revisions = list(pool.map(lambda number: client.create("task", title=str(number))["revision"], range(40)))

    assert sorted(revisions) == list(range(1, 41))


def test_concurrent_toggles_are_all_applied(service: RunningService, user: TestUser) -> None:
    with ThreadPoolExecutor(8) as pool, RestClient(service.url, user.token) as client:
        task = client.create("task", title="x")
        states = list(pool.map(lambda _: client.complete(task["id"])["completed"], range(20)))

    assert states.count(True) == states.count(False) == 10
