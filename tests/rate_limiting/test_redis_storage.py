"""Redis storage of rate limits: counters shared by processes, and the fallback while Redis is unavailable."""

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
        """Start the server, and wait until it accepts connections."""
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
        """Kill the process, as a crash would."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A running Redis server."""
    if REDIS is None:
        assert "CI" not in os.environ, "redis-server is missing"
        pytest.skip("redis-server is not installed")
    server = Redis(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def no_retry_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry Redis at every call, without a pause."""
    monkeypatch.setattr(limiter_module, "REDIS_RETRY_INTERVAL", 0.0)


def token(name: str = "ada") -> str:
    return sign_token({"sub": name}, SECRET)


def test_processes_share_counters(database: PostgresServer, redis: Redis) -> None:
    settings = settings_for(database, rate_limit_requests="6/day", rate_limit_storage_url=redis.url)
    with ExitStack() as stack:
        first, second = (stack.enter_context(run_service(settings, database)) for _ in range(2))
        rest_client = stack.enter_context(RestClient(first.url, token()))
        graphql_client = stack.enter_context(GraphQLClient(second.url, token()))
        responses = [
            client.http.get(path)
            for _ in range(4)
            for client, path in ((rest_client, "/api/me/tasks"), (graphql_client, "/graphql?query={viewer{id}}"))
        ]

    assert [response.headers["ratelimit"].split(";")[1] for response in responses] == [
        f"r={remaining}" for remaining in (5, 4, 3, 2, 1, 0, 0, 0)
    ]
    assert [response.status_code for response in responses] == [200] * 6 + [429] * 2


def test_anonymous_requests_and_their_headers_use_redis(database: PostgresServer, redis: Redis) -> None:
    settings = settings_for(database, rate_limit_anonymous="2/day", rate_limit_storage_url=redis.url)
    with run_service(settings, database) as service, httpx.Client(base_url=service.url, verify=TLS) as http:
        statuses = [http.get("/api/me/tasks").status_code for _ in range(3)]
        health = http.get("/health")

    assert statuses == [401, 401, 429]
    assert (health.status_code, health.headers["ratelimit"].split(";")[:2]) == (200, ['"anonymous"', "r=0"])


@pytest.mark.usefixtures("no_retry_pause")
def test_redis_crash_and_recovery_are_logged_once_and_reject_no_request(
    database: PostgresServer, redis: Redis, log: LogCapture
) -> None:
    settings = settings_for(database, rate_limit_requests="3/day", rate_limit_storage_url=redis.url)

    def logged_messages() -> list[str]:
        return [line["message"].split(":")[0] for line in log.lines(requests=0) if line["logger"] == "todo.rate_limiting"]

    with (
        run_service(settings, database) as service,
        RestClient(service.url, token()) as rest_client,
        GraphQLClient(service.url, token()) as graphql_client,
    ):

        def send_requests() -> list[int]:
            return [
                client.http.get(path).status_code
                for client, path in ((rest_client, "/api/me/tasks"), (graphql_client, "/graphql?query={viewer{id}}"))
            ]

        assert send_requests() + send_requests() == [200, 200, 200, 429]
        redis.kill()
        assert send_requests() + send_requests() == [200, 200, 200, 429]
        assert logged_messages() == ["Redis unavailable; falling back to in-process rate limiting"]
        redis.start()
        assert send_requests() + send_requests() == [200, 200, 200, 429]
        assert logged_messages()[1:] == ["Redis available again; rate limits are shared"]


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


def consume(limiter: RateLimiter) -> int:
    """Consume one request, and return the remaining quota."""
    return limiter.consume(limiter.policies["requests"], "ada", 1)[1].remaining


def test_hanging_redis_is_called_once_per_retry_interval(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = RateLimiter({"requests": RateLimitItemPerDay(99)}, redis.url)
    assert consume(limiter) == 98
    storage = limiter._redis
    assert storage is not None
    calls: list[str] = []
    acquire = storage.acquire_sliding_window_entry

    def acquire_and_record(key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        calls.append(key)
        return bool(acquire(key, limit, expiry, amount))

    monkeypatch.setattr(storage, "acquire_sliding_window_entry", acquire_and_record)
    redis.process.send_signal(signal.SIGSTOP)

    assert [consume(limiter) for _ in range(5)] == [98, 97, 96, 95, 94]
    assert len(calls) == 1

    # After the retry interval one caller retries Redis, and the others do not wait for it.
    limiter._retry_at = time.monotonic()
    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(lambda _: consume(limiter), range(5))) == [89, 90, 91, 92, 93]
    redis.process.send_signal(signal.SIGCONT)

    assert len(calls) == 2


def test_redis_and_memory_storage_return_the_same_counts(redis: Redis) -> None:
    def results(limiter: RateLimiter) -> list[tuple[bool, int]]:
        policy = limiter.policies["cost"]
        statuses = [limiter.consume(policy, "ada", amount) for amount in (4, 7, 3, 4, 3, 1, 0)]
        limiter.reset(policy, "ada")
        statuses.append(limiter.consume(policy, "ada", 0))
        return [(fits, status.remaining) for fits, status in statuses]

    limits = {"cost": RateLimitItemPerDay(10)}
    expected = [(True, 6), (False, 6), (True, 3), (False, 3), (True, 0), (False, 0), (True, 0), (True, 10)]
    assert results(RateLimiter(limits)) == results(RateLimiter(limits, redis.url)) == expected


def test_threads_consume_exactly_the_quota_in_redis(redis: Redis) -> None:
    limiter = RateLimiter({"requests": RateLimitItemPerDay(100)}, redis.url)
    with ThreadPoolExecutor(8) as pool:
        consumed = pool.map(lambda _: limiter.consume(limiter.policies["requests"], "ada", 1)[0], range(200))

    assert sum(consumed) == 100


@pytest.mark.parametrize("amount", [1, 7])
def test_retry_time_is_sufficient_for_the_amount(redis: Redis, amount: int) -> None:
    limiter = RateLimiter({"requests": RateLimitItemPerSecond(10, 2)}, redis.url)
    policy = limiter.policies["requests"]
    for _ in range(2):
        while limiter.consume(policy, "ada", amount)[0]:
            pass
        fits, status = limiter.consume(policy, "ada", amount)
        assert not fits
        time.sleep(status.wait_for(amount) + SAFETY_MARGIN)

        assert limiter.consume(policy, "ada", amount)[0]


@pytest.mark.parametrize("elapsed", [0.0, 2.1], ids=["current counter", "previous counter"])
def test_clock_of_redis_that_is_set_back_does_not_extend_the_window(redis: Redis, elapsed: float) -> None:
    """Redis stores the time at which a key expires, so one hour back extends the lifetime of each key by an hour."""
    limiter = RateLimiter({"requests": RateLimitItemPerSecond(10, 2)}, redis.url)
    policy, storage = limiter.policies["requests"], limiter._redis
    assert storage is not None
    assert limiter.consume(policy, "ada", 10)[0]
    time.sleep(elapsed)
    limiter.consume(policy, "ada", 0)
    for key in storage.storage.scan_iter():
        storage.storage.pexpire(key, storage.storage.pttl(key) + 3_600_000)

    fits, status = limiter.consume(policy, "ada", 1)

    assert fits or status.wait_for(1) <= policy.window


def test_redis_stores_at_most_two_counters_per_client(redis: Redis) -> None:
    limiter = RateLimiter({"cost": RateLimitItemPerSecond(20_000_000, 60)}, redis.url)
    for _ in range(1000):
        limiter.consume(limiter.policies["cost"], "ada", 20_000)

    with socket.create_connection(("127.0.0.1", redis.port)) as connection:
        connection.sendall(b"DBSIZE\r\n")
        assert connection.recv(100) in {b":1\r\n", b":2\r\n"}
