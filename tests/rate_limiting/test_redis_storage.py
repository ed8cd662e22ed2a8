"""Rate limits that processes share in a real Redis, and the fallback while it is unavailable."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from limits import RateLimitItemPerDay, RateLimitItemPerSecond

from api.container import open_container
from api.settings import SettingsError
from services.rate_limiting import limiter as limiter_module
from services.rate_limiting.client import SAFETY_MARGIN
from services.rate_limiting.limiter import RateLimiter
from tests.support.api_clients import TLS, GraphQLClient, RestClient
from tests.support.service import SECRET, LogCapture, PostgresServer, run_service, settings_for
from tests.support.users import sign_token

REDIS = shutil.which("redis-server")


class Redis:
    """A Redis server of one test, without persistence."""

    def __init__(self, folder: Path) -> None:
        assert REDIS
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}"
        self._folder = folder
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [str(REDIS), "--port", str(self.port), "--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """End at once, as a crash would."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A running Redis."""
    if REDIS is None:
        assert "CI" not in os.environ, "redis-server is missing"
        pytest.skip("redis-server is not installed")
    server = Redis(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def no_retry_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry Redis at every call."""
    monkeypatch.setattr(limiter_module, "REDIS_RETRY_INTERVAL", 0.0)


def token(name: str = "ada") -> str:
    return sign_token({"sub": name}, SECRET)


def test_processes_share_counters(database: PostgresServer, redis: Redis) -> None:
    settings = settings_for(database, rate_limit_requests="6/day", rate_limit_storage_url=redis.url)
    with ExitStack() as stack:
        first, second = (stack.enter_context(run_service(settings, database)) for _ in range(2))
        rest = stack.enter_context(RestClient(first.url, token()))
        graph = stack.enter_context(GraphQLClient(second.url, token()))
        answers = [
            client.http.get(path)
            for _ in range(4)
            for client, path in ((rest, "/api/me/tasks"), (graph, "/graphql?query={viewer{id}}"))
        ]

    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == [f"r={left}" for left in (5, 4, 3, 2, 1, 0, 0, 0)]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429] * 2


def test_anonymous_requests_and_their_headers_use_redis(database: PostgresServer, redis: Redis) -> None:
    settings = settings_for(database, rate_limit_anonymous="2/day", rate_limit_storage_url=redis.url)
    with run_service(settings, database) as service, httpx.Client(base_url=service.url, verify=TLS) as http:
        statuses = [http.get("/api/me/tasks").status_code for _ in range(3)]
        health = http.get("/health")

    assert statuses == [401, 401, 429]
    assert (health.status_code, health.headers["ratelimit"].split(";")[:2]) == (200, ['"anonymous"', "r=0"])


@pytest.mark.usefixtures("no_retry_pause")
def test_redis_crash_and_recovery_are_logged_once_and_reject_nobody(
    database: PostgresServer, redis: Redis, log: LogCapture
) -> None:
    settings = settings_for(database, rate_limit_requests="3/day", rate_limit_storage_url=redis.url)

    def logged() -> list[str]:
        return [line["message"].split(":")[0] for line in log.lines(requests=0) if line["logger"] == "todo.rate_limiting"]

    with (
        run_service(settings, database) as service,
        RestClient(service.url, token()) as rest,
        GraphQLClient(service.url, token()) as graph,
    ):

        def ask() -> list[int]:
            return [
                client.http.get(path).status_code
                for client, path in ((rest, "/api/me/tasks"), (graph, "/graphql?query={viewer{id}}"))
            ]

        assert ask() + ask() == [200, 200, 200, 429]
        redis.kill()
        assert ask() + ask() == [200, 200, 200, 429]
        assert logged() == ["Redis unavailable; falling back to in-process rate limiting"]
        redis.start()
        assert ask() + ask() == [200, 200, 200, 429]
        assert logged()[1:] == ["Redis available again; rate limits are shared"]


def test_startup_without_redis_package_names_the_extra(database: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    settings = settings_for(database, rate_limit_storage_url="redis://127.0.0.1:1")

    with (
        pytest.raises(SettingsError, match=r"RATE_LIMIT_STORAGE_URL requires the package redis"),
        open_container(settings),
    ):
        pass


def test_startup_without_redis_falls_back_to_memory(database: PostgresServer, log: LogCapture) -> None:
    settings = settings_for(database, rate_limit_requests="2/day", rate_limit_storage_url="redis://127.0.0.1:1")
    with run_service(settings, database) as service, RestClient(service.url, token()) as client:
        assert [client.http.get("/api/me/tasks").status_code for _ in range(3)] == [200, 200, 429]

    assert sum("Redis unavailable" in line for line in log.captured) == 1


def remaining(limiter: RateLimiter, amount: int = 1) -> int:
    """Consume, and return what remains."""
    return limiter.consume(limiter.policies["requests"], "ada", amount)[1].remaining


def test_hanging_redis_is_called_once_per_retry_interval(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = RateLimiter({"requests": RateLimitItemPerDay(99)}, redis.url)
    assert remaining(limiter) == 98
    storage = limiter._redis
    assert storage is not None
    calls: list[str] = []
    acquire = storage.acquire_sliding_window_entry

    def acquire_and_note(key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        calls.append(key)
        return bool(acquire(key, limit, expiry, amount))

    monkeypatch.setattr(storage, "acquire_sliding_window_entry", acquire_and_note)
    redis.process.send_signal(signal.SIGSTOP)

    assert [remaining(limiter) for _ in range(5)] == [98, 97, 96, 95, 94]
    assert len(calls) == 1

    # After the pause one caller retries, and others do not wait for it.
    limiter._retry_at = 0.0
    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(lambda _: remaining(limiter), range(5))) == [89, 90, 91, 92, 93]
    redis.process.send_signal(signal.SIGCONT)

    assert len(calls) == 2


def test_redis_and_memory_count_alike(redis: Redis) -> None:
    def results(limiter: RateLimiter) -> list[tuple[bool, int]]:
        policy = limiter.policies["cost"]
        found = [limiter.consume(policy, "ada", amount) for amount in (4, 7, 3, 4, 3, 1, 0)]
        limiter.reset(policy, "ada")
        found.append(limiter.consume(policy, "ada", 0))
        return [(fits, status.remaining) for fits, status in found]

    limits = {"cost": RateLimitItemPerDay(10)}
    expected = [(True, 6), (False, 6), (True, 3), (False, 3), (True, 0), (False, 0), (True, 0), (True, 10)]
    assert results(RateLimiter(limits)) == results(RateLimiter(limits, redis.url)) == expected


def test_threads_consume_exactly_the_quota_in_redis(redis: Redis) -> None:
    limiter = RateLimiter({"requests": RateLimitItemPerDay(100)}, redis.url)
    with ThreadPoolExecutor(8) as pool:
        admitted = pool.map(lambda _: limiter.consume(limiter.policies["requests"], "ada", 1)[0], range(200))

    assert sum(admitted) == 100


@pytest.mark.parametrize("needs", [1, 7])
def test_retry_time_is_sufficient_for_the_amount(redis: Redis, needs: int) -> None:
    limiter = RateLimiter({"requests": RateLimitItemPerSecond(10, 2)}, redis.url)
    policy = limiter.policies["requests"]
    for _ in range(2):
        while limiter.consume(policy, "ada", needs)[0]:
            pass
        fits, status = limiter.consume(policy, "ada", needs)
        assert not fits
        time.sleep(status.wait_for(needs) + SAFETY_MARGIN)

        assert limiter.consume(policy, "ada", needs)[0]


def test_redis_keeps_two_small_counters_per_client(redis: Redis) -> None:
    limiter = RateLimiter({"cost": RateLimitItemPerSecond(20_000_000, 60)}, redis.url)
    for _ in range(1000):
        limiter.consume(limiter.policies["cost"], "ada", 20_000)

    with socket.create_connection(("127.0.0.1", redis.port)) as connection:
        connection.sendall(b"DBSIZE\r\n")
        assert connection.recv(100) in {b":1\r\n", b":2\r\n"}
