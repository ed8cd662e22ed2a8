"""Database time: charged to the quota of cost, and the order in which waiting callers get slots."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from api.concurrency.database_times import DatabaseTimes
from api.concurrency.limit import ConcurrencyLimit
from services.rate_limiting.client import NO_LIMITS
from tests.support.api_clients import ApiClient, GraphQLClient, RestClient, expect_error
from tests.support.service import PostgresServer, run_service, settings_for
from tests.support.users import TestUser


@pytest.mark.parametrize("kind", [RestClient, GraphQLClient])
def test_database_time_beyond_the_quota_is_rate_limited(
    database: PostgresServer, kind: Callable[[str, str | None], ApiClient]
) -> None:
    with run_service(settings_for(database, rate_limit_cost="250000/minute", graphql_max_cost=100000), database) as service:
        user, other = TestUser.register(service.url), TestUser.register(service.url)
        with kind(service.url, user.token) as client, ThreadPoolExecutor(1) as threads:
            for number in range(2):
                with closing(psycopg2.connect(database.owner)) as connection, connection.cursor() as cursor:
                    cursor.execute("SELECT FROM user_revision WHERE user_id = %s FOR UPDATE", (user.id,))
                    write = threads.submit(client.create, "task", title=str(number))
                    time.sleep(0.4)
                assert write.result()["title"] == str(number)
            with expect_error("RATE_LIMITED"):
                client.page("task")
            retry_after = client.http.get("/api/me/tasks").headers["Retry-After"]
            assert 1 <= int(retry_after) <= 120
        with kind(service.url, other.token) as client:
            assert client.page("task") == []


def test_users_with_less_than_a_second_have_equal_loads() -> None:
    times = DatabaseTimes(NO_LIMITS)
    times.add("ada", 0.9)
    times.add("eve", 1.1)

    assert (times.load("ada"), times.load("unknown"), times.load("eve")) == (0, 0, 1)


def test_recent_time_decays(monkeypatch: pytest.MonkeyPatch) -> None:
    times, now = DatabaseTimes(NO_LIMITS), 100.0
    monkeypatch.setattr("api.concurrency.database_times.monotonic", lambda: now)
    times.add("ada", 8)
    now += 60
    times.add("ada", 1)

    assert (times.recent("ada"), times.recent("unknown")) == (3, 0)


def test_waiting_caller_with_the_smallest_load_gets_the_next_slot() -> None:
    async def run() -> list[str]:
        limit, order = ConcurrencyLimit(1, 1, "requests", {"slow": 9.0, "quick": 1.0}.__getitem__), []

        async def use(caller: str) -> None:
            slot = await limit.acquire(caller)
            order.append(caller)
            slot.release()

        first = await limit.acquire("slow")
        waiting = [asyncio.create_task(use(caller)) for caller in ("slow", "slow", "quick", "quick")]
        await asyncio.sleep(0)
        first.release()
        await asyncio.gather(*waiting)
        return order

    assert asyncio.run(run()) == ["quick", "quick", "slow", "slow"]


def test_cancelled_waiting_leaves_no_slot_in_use() -> None:
    async def run() -> None:
        limit = ConcurrencyLimit(1, 1, "requests")
        first = await limit.acquire("ada")
        waiting = [asyncio.create_task(limit.acquire("ada")) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        first.release()
        waiting[1].cancel()
        (await waiting[2]).release()
        assert limit._queues == {}
        limit.acquire_free("ada").release()

    asyncio.run(run())
