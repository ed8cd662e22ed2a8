"""Statements are prepared once for each connection, and results are right when their preparation becomes invalid."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine

from models.database import Database, TransactionPreamble, make_engine
from models.sql import prepared_statements
from models.sql.statement import Statement
from services.errors import StaleTransaction
from services.query_engine.query_model import ColumnField, PageRequest, Projection, QueryNode
from services.query_engine.result_format import RowList
from services.user_context import UserContext
from tests.support.api_clients import ApiClient, GraphQLClient, RestClient
from tests.support.pgbouncer import run_pgbouncer
from tests.support.service import LogCapture, PostgresServer, run_service, run_sql, settings_for
from tests.support.users import TestUser

TASKS = QueryNode("task", RowList(), (Projection((ColumnField("title", "title"),)),), page=PageRequest(10))
_PREPARED = "SELECT name, statement, generic_plans, custom_plans FROM pg_prepared_statements"
_WARNING = "Prepared statements disabled"


@pytest.fixture
def user_id(database: PostgresServer) -> str:
    """The id of a user with one task."""
    with run_service(settings_for(database), database) as service:
        user = TestUser.register(service.url)
        with RestClient(service.url, user.token) as client:
            client.create("task", title="Buy milk")
    return user.id


@pytest.fixture
def engine(database: PostgresServer) -> Iterator[Engine]:
    """An engine with one connection."""
    engine = make_engine(database.service, pool_size=1)
    yield engine
    engine.dispose()


def read_titles(context: UserContext) -> list[object]:
    with context.read_transaction() as transaction:
        return [row["title"] for row in transaction.read(TASKS)]


def prepared(engine: Engine) -> list[tuple[str, str, int, int]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(_PREPARED)]


def execute(engine: Engine, sql: str) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(sql)
        connection.commit()


@pytest.mark.parametrize(
    ("text", "prepare", "execute"),
    [
        ("SELECT 1", "SELECT 1", ""),
        ("SELECT '50%%' WHERE a = %(a)s AND b = %(b)s", "SELECT '50%' WHERE a = $1 AND b = $2", " (%(a)s, %(b)s)"),
        ("SELECT %(a)s, %(b)s, %(a)s", "SELECT $1, $2, $1", " (%(a)s, %(b)s)"),
        (
            "SELECT WHERE id = ANY (CAST(%(ids)s AS UUID[])) AND x = CAST(%(x)s AS TEXT)",
            "SELECT WHERE id = ANY (CAST($1 AS UUID[])) AND x = CAST($2 AS TEXT)",
            " (CAST(%(ids)s AS UUID[]), %(x)s)",
        ),
    ],
)
def test_placeholders_become_numbered_parameters(text: str, prepare: str, execute: str) -> None:
    statement = Statement.parse(text)

    assert statement.text == text
    assert statement.prepare == f"PREPARE {statement.name} AS {prepare}"
    assert statement.execute == f"EXECUTE {statement.name}{execute}"


def test_name_depends_on_sql_only() -> None:
    assert Statement.parse("SELECT %(a)s").name == Statement.parse("SELECT %(b)s").name
    assert Statement.parse("SELECT %(a)s").name != Statement.parse("SELECT %(a)s ").name


def test_statements_are_prepared_once_with_generic_plans(engine: Engine, user_id: str) -> None:
    context = UserContext(user_id, Database(engine, statement_timeout=5000))
    for _ in range(3):
        assert read_titles(context) == ["Buy milk"]

    statements = prepared(engine)
    assert len(statements) == 2  # the preamble and the query
    assert [(generic, custom) for _, _, generic, custom in statements] == [(3, 0), (3, 0)]


def test_least_recently_used_statements_are_deallocated(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared_statements, "MAX_PREPARED", 2)
    database = Database(engine, statement_timeout=5000)
    first, *others = [Statement.parse(f"SELECT {number}") for number in range(5)]
    for statement in others:
        for used in (first, statement):
            with database.read(TransactionPreamble({}, [used], {})) as (_, row):
                assert row == (int(used.text.removeprefix("SELECT ")),)

    assert {name for name, *_ in prepared(engine)} == {first.name, others[-1].name}


def test_failed_statement_stays_prepared(engine: Engine) -> None:
    database = Database(engine, statement_timeout=5000)
    division = Statement.parse("SELECT 6 / CAST(%(number)s AS INTEGER)")
    for number, expected in ((0, None), (2, 3), (0, None), (3, 2)):
        preamble = TransactionPreamble({}, [division], {"number": number})
        if expected is None:
            with pytest.raises(Exception, match="division by zero"), database.read(preamble):
                pass
        else:
            with database.read(preamble) as (_, row):
                assert row == (expected,)
    assert [name for name, *_ in prepared(engine)] == [division.name]


@pytest.mark.parametrize("sql", ["DISCARD ALL", "DEALLOCATE ALL"])
def test_read_succeeds_after_statements_are_deallocated(engine: Engine, user_id: str, sql: str, log: LogCapture) -> None:
    context = UserContext(user_id, Database(engine, statement_timeout=5000))
    assert read_titles(context) == ["Buy milk"]
    execute(engine, sql)

    for _ in range(2):
        assert read_titles(context) == ["Buy milk"]
    assert sum(_WARNING in line for line in log.captured) == 1
    assert prepared(engine) == []


def test_read_succeeds_if_another_session_prepared_the_same_name(engine: Engine, user_id: str, log: LogCapture) -> None:
    """As behind a pooler that is not recognized."""
    context = UserContext(user_id, Database(engine, statement_timeout=5000))
    read_titles(context)
    name = next(name for name, statement, *_ in prepared(engine) if "FROM task" in statement)
    engine.dispose()
    execute(engine, f"PREPARE {name} AS SELECT 1")

    with pytest.raises(StaleTransaction):  # the APIs run the transaction again
        read_titles(context)
    assert read_titles(context) == ["Buy milk"]
    assert sum(_WARNING in line for line in log.captured) == 1


def test_read_succeeds_after_the_backend_was_killed(database: PostgresServer, engine: Engine, user_id: str) -> None:
    context = UserContext(user_id, Database(engine, statement_timeout=5000))
    read_titles(context)
    run_sql(database.owner, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'todo_service'")

    assert read_titles(context) == ["Buy milk"]
    assert len(prepared(engine)) == 2


def test_prepared_statements_follow_the_search_path_and_the_role(database: PostgresServer, engine: Engine, user_id: str) -> None:
    context = UserContext(user_id, Database(engine, statement_timeout=5000))
    read_titles(context)
    run_sql(database.owner, "CREATE SCHEMA other; CREATE TABLE other.task (LIKE task); GRANT USAGE ON SCHEMA other TO todo_app")
    run_sql(database.owner, "GRANT SELECT ON other.task TO todo_app")
    execute(engine, "SET search_path = other, public")
    assert read_titles(context) == []
    execute(engine, "SET search_path = public")
    assert read_titles(context) == ["Buy milk"]

    # Outside of a transaction of the service there is no user, whose rows the plan could return.
    name = next(name for name, statement, *_ in prepared(engine) if "FROM task" in statement)
    with engine.connect() as connection:
        assert connection.exec_driver_sql(f"EXECUTE {name} ('{user_id}', 10)").all() == []
    assert read_titles(context) == ["Buy milk"]


@contextmanager
def changed_column_type(database: PostgresServer) -> Iterator[None]:
    """Change the type of a column that all statements for tasks return, as no migration of this service does."""
    run_sql(database.owner, "ALTER TABLE task ALTER created_at TYPE timestamptz(6)")
    yield
    run_sql(database.owner, "ALTER TABLE task ALTER created_at TYPE timestamptz")


@pytest.mark.parametrize("client_type", [RestClient, GraphQLClient], ids=["rest", "graphql"])
def test_requests_succeed_after_the_result_type_changed(
    database: PostgresServer, client_type: type[ApiClient], log: LogCapture
) -> None:
    with (
        run_service(settings_for(database, database_pool_size=1), database) as service,
        client_type(service.url, TestUser.register(service.url).token) as client,
    ):
        first = client.create("task", title="Buy milk")
        for _ in range(3):
            client.page("task")
            client.get("task", first["id"])
        with changed_column_type(database):
            assert len(client.page("task")) == 1
        with changed_column_type(database):
            assert client.get("task", first["id"])["title"] == "Buy milk"
        with changed_column_type(database):
            client.create("task", title="Buy bread")
        with changed_column_type(database):
            client.update("task", first["id"], title="Buy oat milk")
        assert sorted(row["title"] for row in client.page("task")) == ["Buy bread", "Buy oat milk"]
    assert not any(_WARNING in line for line in log.captured)


def test_statements_are_not_prepared_behind_pgbouncer(database: PostgresServer) -> None:
    with run_pgbouncer(database, size=1) as pooled, run_service(settings_for(pooled), pooled) as service:
        with RestClient(service.url, TestUser.register(service.url).token) as client:
            client.create("task", title="Buy milk")
            assert len(client.page("task")) == 1
        assert run_sql(pooled.service, _PREPARED) == []
        assert run_sql(pooled.service, "SHOW plan_cache_mode") == [("auto",)]
