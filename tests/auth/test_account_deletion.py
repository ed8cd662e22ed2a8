"""Deleting an account: access ends with the first transaction; the rows follow in bounded steps, in the background."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from uuid import uuid4

import psycopg2
import pytest

from models.database import Database, make_engine
from services.accounts.deletion import PendingDeletion, find_pending_deletions
from services.accounts.deletion_worker import DeletionWorker, WorkerSchedule
from tests.support.account_deletion import insert_tasks, mark_deleted, remaining_rows, wait_until_deleted
from tests.support.api_clients import ApiClient, ClientFactory, GraphQLClient, RestClient, expect_error
from tests.support.service import (
    SECRET,
    LogCapture,
    PostgresServer,
    deletion_worker_disabled,
    open_app_transaction,
    run_service,
    run_sql,
    settings_for,
)
from tests.support.table_rows import ADA, EVE, TABLE_NAMES, dump_user_rows, insert_rows, insert_statement, rows_for_user
from tests.support.users import PASSWORD, TestUser, sign_token


@contextmanager
def database_transactions(url: str) -> Iterator[Database]:
    engine = make_engine(url, pool_size=2)
    yield Database(engine, statement_timeout=5000)
    engine.dispose()


@pytest.fixture(params=[RestClient, GraphQLClient], ids=["rest", "graphql"])
def make_client_without_worker(request: pytest.FixtureRequest, database: PostgresServer) -> Iterator[ClientFactory]:
    """A function that creates a client of a service that keeps the rows of deleted accounts, over REST and GraphQL."""
    opened: list[ApiClient] = []
    with deletion_worker_disabled(), run_service(settings_for(database), database) as service:

        def create_client(token: str | None) -> ApiClient:
            client: ApiClient = request.param(service.url, token)
            opened.append(client)
            return client

        yield create_client
        for client in opened:
            client.close()


def test_tokens_of_all_kinds_are_rejected_while_the_rows_exist(
    make_client_without_worker: ClientFactory, database: PostgresServer
) -> None:
    make_client, email = make_client_without_worker, f"{uuid4().hex}@example.com"
    registered = make_client(None).register(email=email, password=PASSWORD, name="Ada")
    user_id = registered["user"]["id"]
    client = make_client(registered["access_token"])
    task = client.create("task", title="x")
    used = client.make_api_token(name="used", scopes=["tasks:read", "account"])["token"]
    unused = client.make_api_token(name="unused", scopes=["tasks:read"])["token"]
    other_session = make_client(None).log_in(email, PASSWORD)
    external = make_client(sign_token({"sub": user_id, "iat": int(time.time())}, SECRET))
    assert external.page("task") == make_client(used).page("task") == [task]

    client.delete_me()

    for token in (registered["access_token"], other_session["access_token"], used, unused):
        with expect_error("UNAUTHENTICATED"):
            make_client(token).me()
        with expect_error("UNAUTHENTICATED"):
            make_client(token).page("task")
    for call in (external.me, lambda: external.create("task", title="x"), external.delete_me):
        with expect_error("UNAUTHENTICATED"):
            call()
    for session in (registered, other_session):
        with expect_error("UNAUTHENTICATED"):
            make_client(None).refresh(session["refresh_token"])
    with expect_error("UNAUTHENTICATED") as error:
        make_client(None).log_in(email, PASSWORD)
    assert error.value.detail == "Invalid e-mail or password."
    assert remaining_rows(database, user_id) == {"user": 1, "account_deletion": 1, "task": 1}


def test_email_name_and_password_are_erased_by_the_first_transaction(
    make_client_without_worker: ClientFactory, database: PostgresServer
) -> None:
    make_client, email = make_client_without_worker, f"{uuid4().hex}@example.com"
    registered = make_client(None).register(email=email, password=PASSWORD, name="Ada")
    make_client(registered["access_token"]).delete_me()

    ((account,),) = run_sql(database.owner, 'SELECT to_jsonb(u) FROM "user" AS u WHERE id = %s', registered["user"]["id"])
    kept = {name for name, value in account.items() if value is not None}
    assert kept == {"id", "is_active", "created_at", "updated_at"}
    assert account["is_active"] is False

    again = make_client(None).register(email=email, password=PASSWORD)
    assert again["user"]["id"] != registered["user"]["id"]
    assert make_client(None).log_in(email, PASSWORD)["user"]["id"] == again["user"]["id"]


def test_external_user_gets_503_until_the_rows_are_deleted_and_then_a_new_account(
    make_client_without_worker: ClientFactory, database: PostgresServer
) -> None:
    make_client, user_id, now = make_client_without_worker, uuid4().hex, int(time.time())
    old = make_client(sign_token({"sub": user_id, "iat": now}, SECRET))
    task = old.create("task", title="x")
    old.delete_me()
    run_sql(database.owner, "UPDATE deleted_user SET deleted_at = deleted_at - interval '1 minute' WHERE user_id = %s", user_id)
    older = make_client(sign_token({"sub": user_id, "iat": now - 300}, SECRET))
    newer = make_client(sign_token({"sub": user_id, "iat": now, "email": "ada@example.com"}, SECRET))

    for call in (newer.me, lambda: newer.page("task"), lambda: newer.create("task", title="y"), newer.delete_me):
        with expect_error("UNAVAILABLE") as error:
            call()
        assert error.value.status == 503
        assert "is being deleted" in error.value.detail
    with expect_error("UNAUTHENTICATED"):
        older.page("task")

    with database_transactions(database.service) as transactions:
        (pending,) = find_pending_deletions(transactions)
        step = pending.run_step()
        assert step is not None
        assert step.is_last
    assert remaining_rows(database, user_id) == {}
    with expect_error("UNAUTHENTICATED"):
        older.page("task")
    assert newer.page("task") == []
    assert (newer.me()["email"], newer.me()["revision"]) == ("ada@example.com", 0)
    assert newer.create("task", id=task["id"], title="z")["revision"] == 1


def test_unavailable_response_has_retry_after(database: PostgresServer) -> None:
    with (
        deletion_worker_disabled(),
        run_service(settings_for(database), database) as service,
        RestClient(service.url, sign_token({"sub": "ada", "iat": int(time.time()) + 5}, SECRET)) as client,
    ):
        client.page("task")
        client.delete_me()
        response = client.http.get("/api/me/tasks")
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")


def test_steps_are_bounded_and_keep_rows_of_other_users(database: PostgresServer) -> None:
    mark_deleted(database, ADA)
    insert_rows(database, rows_for_user(EVE))
    insert_tasks(database, ADA, 250, chain=True)
    insert_tasks(database, EVE, 50)
    others = dump_user_rows(database, EVE)
    total = sum(remaining_rows(database, ADA).values())
    detached = 249 + 1  # subtasks of the chain and of the test rows

    with database_transactions(database.service) as transactions:
        (pending, _) = find_pending_deletions(transactions)
        sizes, before = [], total
        while True:
            step = pending.run_step(100)
            assert step is not None
            after = sum(remaining_rows(database, ADA).values())
            assert before - after <= step.rows + 1 <= 102, "the record of the deletion is deleted with the account"
            sizes.append(step.rows)
            before = after
            if step.is_last:
                break
        assert pending.run_step(100) is None

    assert sum(sizes) == total + detached - 1
    assert set(sizes[:-1]) == {100}
    assert remaining_rows(database, ADA) == {}
    assert dump_user_rows(database, EVE) == others


def test_every_table_with_an_owner_is_emptied_before_the_account(database: PostgresServer) -> None:
    """With one row in each step, no row is deleted by a cascade, except the record of the deletion."""
    mark_deleted(database, ADA)

    with database_transactions(database.service) as transactions:
        (pending,) = find_pending_deletions(transactions)
        counts = [remaining_rows(database, ADA)]
        while (step := pending.run_step(1)) is not None and not step.is_last:
            counts.append(remaining_rows(database, ADA))

    assert counts[-1] == {"user": 1, "account_deletion": 1}
    lost = [sum(before.values()) - sum(after.values()) for before, after in pairwise(counts)]
    assert set(lost) <= {0, 1}
    assert remaining_rows(database, ADA) == {}


def test_account_that_can_still_write_is_not_deleted(database: PostgresServer) -> None:
    insert_rows(database, rows_for_user(ADA))
    before = dump_user_rows(database, ADA)

    with database_transactions(database.service) as transactions:
        (pending,) = find_pending_deletions(transactions)
        assert pending.run_step() is None
    assert dump_user_rows(database, ADA) == before


def test_pending_deletions_are_visible_to_the_worker_only(database: PostgresServer) -> None:
    insert_rows(database, rows_for_user(ADA), rows_for_user(EVE))

    with open_app_transaction(database, worker="account_deletion") as cursor:
        for table in TABLE_NAMES:
            owner = "id" if table == "user" else "user_id"
            cursor.execute(f'SELECT {owner} FROM "{table}"')
            assert {name for (name,) in cursor} == ({ADA, EVE} if table == "account_deletion" else set()), table
        for statement in ("DELETE FROM account_deletion", "UPDATE account_deletion SET requested_at = now()"):
            cursor.execute(statement)
            assert cursor.rowcount == 0
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(*insert_statement("account_deletion", rows_for_user("new")["account_deletion"][0]))
    for settings in ({"worker": "x"}, {"worker": ""}, {"user_id": "account_deletion"}):
        with open_app_transaction(database, **settings) as cursor:
            cursor.execute("SELECT * FROM account_deletion")
            assert cursor.fetchall() == []


def test_concurrent_workers_skip_accounts_of_each_other(database: PostgresServer) -> None:
    mark_deleted(database, ADA)
    insert_tasks(database, ADA, 300)
    total = sum(remaining_rows(database, ADA).values())

    def work(deletion: PendingDeletion) -> tuple[int, int]:
        rows = skipped = 0
        while remaining_rows(database, ADA):
            step = deletion.run_step(20)
            rows, skipped = (rows, skipped + 1) if step is None else (rows + step.rows, skipped)
        return rows, skipped

    with database_transactions(database.service) as transactions, ThreadPoolExecutor(2) as pool:
        (pending,) = find_pending_deletions(transactions)
        results = list(pool.map(work, [pending, pending]))

        assert sum(rows for rows, _ in results) == total - 1 + 1  # without the record, with the separation of one subtask

    mark_deleted(database, EVE)
    with (
        database_transactions(database.service) as transactions,
        open_app_transaction(database, user_id=EVE) as cursor,
    ):
        cursor.execute("SELECT FROM account_deletion WHERE user_id = %s FOR UPDATE", (EVE,))
        (pending,) = find_pending_deletions(transactions)
        started = time.monotonic()
        assert pending.run_step() is None
        assert time.monotonic() - started < 1, "it does not wait for the lock"


def test_two_services_delete_a_large_account_together(database: PostgresServer) -> None:
    with (
        run_service(settings_for(database), database) as first,
        run_service(settings_for(database), database) as second,
        RestClient(first.url, TestUser.register(first.url).token) as client,
        RestClient(second.url, TestUser.register(second.url).token) as other,
    ):
        users = [client.me()["id"], other.me()["id"]]
        for user_id in users:
            insert_tasks(database, user_id, 3000)
        for each in (client, other):
            each.delete_me()
        for user_id in users:
            wait_until_deleted(database, user_id)


def test_failing_step_is_logged_once_and_retried(database: PostgresServer, log: LogCapture) -> None:
    mark_deleted(database, ADA, EVE)
    run_sql(
        database.owner,
        """CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a broken trigger'; END $$;
           CREATE TRIGGER fail BEFORE DELETE ON task FOR EACH ROW WHEN (OLD.user_id = 'ada') EXECUTE FUNCTION fail()""",
    )
    schedule = WorkerSchedule(retry_delay=0.01, max_retry_delay=0.05)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.container.DeletionWorker", lambda transactions: DeletionWorker(transactions, schedule))
        with run_service(settings_for(database), database):
            wait_until_deleted(database, EVE)
            time.sleep(0.5)  # time for several attempts
            assert remaining_rows(database, ADA)["task"] == 2
            run_sql(database.owner, "DROP TRIGGER fail ON task")
            wait_until_deleted(database, ADA)

    warnings = [line for line in log.captured if "account deletion failed" in line]
    assert len(warnings) == 1, warnings
    assert "a broken trigger" in warnings[0]
    assert sum("account deleted" in line for line in log.captured) == 2


def test_deletion_recorded_while_the_service_was_stopped_is_completed_at_the_start(database: PostgresServer) -> None:
    mark_deleted(database, ADA)

    with run_service(settings_for(database), database):
        wait_until_deleted(database, ADA)
