"""Migration 0007: keys of existing texts, filled by an owner that row-level security applies to."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from models import migrate as migrations
from models.database import parse_url
from models.migrate import migrate, newest_version
from services.auth.password_hashing import PasswordHasher
from tests.support.api_clients import ApiClient, GraphQLClient, RestClient, expect_error
from tests.support.database_owners import empty_database, migrate_to, run_server_with_owners
from tests.support.service import SECRET, PostgresServer, run_service, run_sql, settings_for
from tests.support.table_rows import insert_statement
from tests.support.users import PASSWORD, sign_token

BEFORE, COLUMNS_ONLY = "0006", "0007a"
CAFE, DECOMPOSED_CAFE = "Café", "Cafe\u0301"
QA = "\u0958"  # in NFC, it is two characters
_TIME = datetime(2026, 1, 5, tzinfo=UTC)
_HASH = PasswordHasher(1).hash(PASSWORD)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL server with roles of its own."""
    with run_server_with_owners(tmp_path_factory.mktemp("pg")) as running:
        yield running


class OldDatabase:
    """A database of version 0006, and the statements with which the service of that version wrote rows."""

    def __init__(self, server: PostgresServer) -> None:
        self.database, self.url = empty_database(server, "plain_owner")
        migrate_to(self.url, BEFORE)
        self._age = 0

    def insert(self, table: str, **values: Any) -> str:
        """Insert a row, younger than the one before; return its id."""
        self._age += 1
        row_id = values.get("id") or str(uuid4())
        time = _TIME + timedelta(minutes=self._age)
        version = {} if table == "user" else {"revision": 1, "deleted_at": None}
        row = {"id": row_id, "created_at": time, "updated_at": time, **version, **values}
        statement, parameters = insert_statement(table, row)
        run_sql(self.database.owner, statement, *parameters)
        return row_id

    def add_user(self, email: str | None) -> str:
        """Add an account; return its id."""
        user_id = self.insert("user", email=email, is_active=True, password_hash=_HASH, name=DECOMPOSED_CAFE)
        run_sql(self.database.owner, "INSERT INTO user_revision VALUES (%s, 1, 0)", user_id)
        return user_id

    def add_task(self, user_id: str, title: str, description: str | None = None) -> str:
        """Add a task; return its id."""
        state = {"status": "pending", "priority": "none", "position": 1.0}
        return self.insert("task", user_id=user_id, title=title, description=description, **state)

    def add_tag(self, user_id: str, name: str, **values: Any) -> str:
        """Add a tag; return its id."""
        return self.insert("tag", user_id=user_id, name=name, **values)

    def rows(self, table: str, columns: str) -> list[tuple[Any, ...]]:
        """Return columns of all rows, the oldest row first."""
        return run_sql(self.database.owner, f'SELECT {columns} FROM "{table}" ORDER BY created_at')


@pytest.fixture
def old(server: PostgresServer) -> OldDatabase:
    """A database of the version before the keys."""
    return OldDatabase(server)


def log_in(url: str, email: str) -> str:
    with RestClient(url, None) as client:
        user_id: str = client.log_in(email, PASSWORD)["user"]["id"]
        return user_id


@pytest.mark.parametrize("client_type", [RestClient, GraphQLClient], ids=["rest", "graphql"])
def test_migrated_rows_are_found_and_sorted(old: OldDatabase, client_type: type[RestClient | GraphQLClient]) -> None:
    users = [old.add_user(f"{name}@example.com") for name in ("ada", "eve")]
    for user_id in users:
        for title in ("zoo", "Äpfel", "Apple 10", "Apple 2", DECOMPOSED_CAFE):
            old.add_task(user_id, title, "準備搬家了")
        for name in ("b 10", "b 9"):
            old.add_tag(user_id, name)

    assert migrate(old.url) == (BEFORE, newest_version())
    with run_service(settings_for(old.database), old.database) as running:
        for user_id in users:
            token = sign_token({"sub": user_id}, SECRET)
            with client_type(running.url, token) as opened:
                client: ApiClient = opened
                assert [row["title"] for row in client.page("task", sort="title")] == [
                    "Äpfel",
                    "Apple 2",
                    "Apple 10",
                    CAFE,
                    "zoo",
                ]
                assert [row["title"] for row in client.page("task", search="cafe 搬家")] == [CAFE]
                assert [row["name"] for row in client.page("tag")] == ["b 9", "b 10"]
                assert client.me()["name"] == CAFE


def test_duplicate_tags_are_renamed_and_reach_clients_by_a_new_revision(old: OldDatabase) -> None:
    ada, eve = old.add_user("ada@example.com"), old.add_user("eve@example.com")
    long = "e\u0301" * 24
    names = [CAFE, DECOMPOSED_CAFE, f"{CAFE} (2)", "straße", "strasse", "é" * 24 + "xy", f"{long}xy", "cafe"]
    tags = [old.add_tag(ada, name) for name in names]
    deleted = old.add_tag(ada, DECOMPOSED_CAFE, deleted_at=_TIME)
    untouched = old.add_tag(eve, DECOMPOSED_CAFE)

    migrate(old.url)

    rows = {row_id: (name, revision) for row_id, name, revision in old.rows("tag", "id::text, name, revision")}
    assert [rows[tag] for tag in tags] == [
        (CAFE, 1),
        (f"{CAFE} (3)", 2),
        (f"{CAFE} (2)", 1),
        ("straße", 1),
        ("strasse (2)", 2),
        ("é" * 24 + "xy", 1),
        ("é" * 24 + "xy (2)", 2),
        ("cafe", 1),
    ]
    assert rows[deleted] == rows[untouched] == (CAFE, 1)
    assert dict(run_sql(old.database.owner, "SELECT user_id, revision FROM user_revision")) == {ada: 2, eve: 1}


def test_long_duplicate_tag_is_shortened_for_its_number(old: OldDatabase) -> None:
    ada = old.add_user("ada@example.com")
    for last in ("ß", "ss"):
        old.add_tag(ada, "x" * 48 + last)
    old.add_tag(ada, "x" * 48 + "\uff53\uff53")

    migrate(old.url)

    assert [name for (name,) in old.rows("tag", "name")] == ["x" * 48 + "ß", "x" * 46 + " (2)", "x" * 46 + " (3)"]


def test_of_accounts_with_equal_emails_the_younger_logs_in_by_its_exact_email(old: OldDatabase) -> None:
    older, younger = old.add_user("café@example.com"), old.add_user("cafe\u0301@example.com")
    younger_in_nfc = [old.add_user(f"{name}@example.com") for name in ("e\u0301", "é")]
    external = old.add_user(None)

    migrate(old.url)

    with run_service(settings_for(old.database), old.database) as running:
        assert log_in(running.url, "CAFÉ@example.com") == older
        assert log_in(running.url, "\uff43afé@example.com") == older
        assert log_in(running.url, " Cafe\u0301@Example.com ") == younger
        assert [log_in(running.url, f"{name}@example.com") for name in ("e\u0301", "é")] == younger_in_nfc
        assert log_in(running.url, "\uff25\u0301@example.com") == younger_in_nfc[0]
        with RestClient(running.url, None) as client, expect_error("EMAIL_TAKEN"):
            client.register(email="cafe\u0301@example.com", password=PASSWORD)
    keys = dict(old.rows("user", "id, email_key"))
    assert (keys[older], keys[younger], keys[external]) == ("café@example.com", None, None)


def test_text_that_nfc_would_make_too_long_stays(old: OldDatabase) -> None:
    ada = old.add_user(f"{QA * 125}@example.com")
    old.add_task(ada, QA * 200, QA * 2000)
    old.insert("comment", user_id=ada, task_id=old.add_task(ada, QA), body=QA)

    migrate(old.url)

    assert old.rows("task", "title, description") == [(QA * 200, QA * 2000), ("\u0915\u093c", None)]
    assert old.rows("comment", "body") == [("\u0915\u093c",)]
    assert old.rows("user", "email, email_key") == [(f"{QA * 125}@example.com", None)]
    with run_service(settings_for(old.database), old.database) as running:
        assert log_in(running.url, f"{QA * 125}@example.com") == ada


def test_text_that_the_old_service_changes_meanwhile_is_filled_again(old: OldDatabase) -> None:
    ada = old.add_user("ada@example.com")
    task, tag = old.add_task(ada, "first"), old.add_tag(ada, "first")
    task_list = old.insert("task_list", user_id=ada, name="first", position=1.0)
    migrate_to(old.url, COLUMNS_ONLY)
    engine = create_engine(parse_url(old.url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    script = migrations._next_script(COLUMNS_ONLY)
    assert script is not None
    for backfill in script.module.backfills:
        with engine.begin() as connection:
            backfill.fill_batch(connection)
    assert old.rows("task", "title_sort_key") == [("first",)]

    run_sql(old.database.owner, "UPDATE task SET title = 'second', description = 'new' WHERE id = %s", task)
    run_sql(old.database.owner, "UPDATE tag SET name = 'second' WHERE id = %s", tag)
    run_sql(old.database.owner, "UPDATE task_list SET name = 'second' WHERE id = %s", task_list)
    run_sql(old.database.owner, "UPDATE \"user\" SET email = 'second@example.com' WHERE id = %s", ada)
    old.add_task(ada, "third")
    migrate(old.url)

    assert old.rows("task", "title_sort_key, search_lexemes::text") == [
        ("second", "'new':12B 'second':1A"),
        ("third", "'third':1A"),
    ]
    assert old.rows("tag", "name_key, name_sort_key") == [("second", "second")]
    assert old.rows("task_list", "name_sort_key") == [("second",)]
    assert old.rows("user", "email_key") == [("second@example.com",)]
    assert run_sql(old.database.owner, "SELECT FROM pg_trigger WHERE NOT tgisinternal") == []
