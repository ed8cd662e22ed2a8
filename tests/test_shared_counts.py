"""Limits of several processes, counted in a real Redis; and what happens while it is away."""

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

from api.house import open_house
from api.settings import SettingsError
from services.limits import counting
from services.limits.counting import Count, SharedCounts
from tests.support.api_clients import TLS
from tests.support.api_clients import GraphQLClient as GraphQLDoor
from tests.support.api_clients import RestClient as RestDoor
from tests.support.service import SECRET, settings_for
from tests.support.service import LogCapture as LogLines
from tests.support.service import PostgresServer as Cluster
from tests.support.service import run_service as serving
from tests.support.users import sign_token as signed

REDIS = shutil.which("redis-server")


class Redis:
    """A server of the test's own. It keeps nothing on disk."""

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
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try Redis again at once."""
    monkeypatch.setattr(counting, "TRIED_AGAIN_AFTER", 0.0)


def token(name: str = "ada") -> str:
    return signed({"sub": name}, SECRET)


def test_processes_count_together(database: Cluster, redis: Redis) -> None:
    settings = settings_for(database, rate_limit_requests="6/minute", rate_limit_storage=redis.url)
    with ExitStack() as stack:
        first, second = (stack.enter_context(serving(settings, database)) for _ in range(2))
        rest = stack.enter_context(RestDoor(first.url, token()))
        graph = stack.enter_context(GraphQLDoor(second.url, token()))
        answers = [
            door.http.get(path)
            for _ in range(4)
            for door, path in ((rest, "/api/me/tasks"), (graph, "/graphql?query={viewer{id}}"))
        ]

    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == [f"r={left}" for left in (5, 4, 3, 2, 1, 0, 0, 0)]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429] * 2


def test_strangers_and_health_are_counted_and_shown_there_too(database: Cluster, redis: Redis) -> None:
    settings = settings_for(database, rate_limit_anonymous="2/minute", rate_limit_storage=redis.url)
    with serving(settings, database) as service, httpx.Client(base_url=service.url, verify=TLS) as http:
        statuses = [http.get("/api/me/tasks").status_code for _ in range(3)]
        health = http.get("/health")

    assert statuses == [401, 401, 429]
    assert (health.status_code, health.headers["ratelimit"].split(";")[:2]) == (200, ['"anonymous"', "r=0"])


@pytest.mark.usefixtures("impatient")
def test_a_redis_that_dies_and_comes_back_is_no_callers_matter(database: Cluster, redis: Redis, log: LogLines) -> None:
    settings = settings_for(database, rate_limit_requests="3/minute", rate_limit_storage=redis.url)

    def told() -> list[str]:
        return [line["message"].split(":")[0] for line in log.lines(requests=0) if line["logger"] == "todo.limits"]

    with (
        serving(settings, database) as service,
        RestDoor(service.url, token()) as rest,
        GraphQLDoor(service.url, token()) as graph,
    ):

        def ask() -> list[int]:
            return [
                door.http.get(path).status_code
                for door, path in ((rest, "/api/me/tasks"), (graph, "/graphql?query={viewer{id}}"))
            ]

        assert ask() + ask() == [200, 200, 200, 429]
        redis.kill()
        assert ask() + ask() == [200, 200, 200, 429]
        assert told() == ["Redis is away, so limits are counted in each process meanwhile"]
        redis.start()
        assert ask() + ask() == [200, 200, 200, 429]
        assert told()[1:] == ["Redis is back, limits are counted there again"]


def test_without_the_package_it_says_what_to_install(database: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    settings = settings_for(database, rate_limit_storage="redis://127.0.0.1:1")

    with pytest.raises(SettingsError, match=r"RATE_LIMIT_STORAGE needs the package redis: pip install"), open_house(settings):
        pass


def test_it_starts_without_redis(database: Cluster, log: LogLines) -> None:
    settings = settings_for(database, rate_limit_requests="2/minute", rate_limit_storage="redis://127.0.0.1:1")
    with serving(settings, database) as service, RestDoor(service.url, token()) as door:
        assert [door.http.get("/api/me/tasks").status_code for _ in range(3)] == [200, 200, 429]

    assert sum("Redis is away" in line for line in log.heard) == 1


def test_a_redis_that_hangs_is_asked_once_and_then_left_alone(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = SharedCounts(redis.url)
    assert counts.take("requests/ada", 99, 60, 1).taken == 1
    asked: list[tuple[object, ...]] = []
    acquire = counts._redis.acquire_entry

    def acquire_and_note(key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        asked.append((key, amount))
        return acquire(key, limit, expiry, amount)

    monkeypatch.setattr(counts._redis, "acquire_entry", acquire_and_note)
    redis.process.send_signal(signal.SIGSTOP)
    taken = [counts.take("requests/ada", 99, 60, 1).taken for _ in range(5)]

    assert taken == [1, 2, 3, 4, 5]
    assert asked == [("requests/ada", 1)]

    # When the pause is over, one caller tries again, and those who come meanwhile do not wait for that.
    monkeypatch.setattr(counting, "TRIED_AGAIN_AFTER", 60.0)
    counts._try_at = 0.0
    with ThreadPoolExecutor(5) as pool:
        several = [pool.submit(counts.take, "requests/ada", 99, 60, 1) for _ in range(5)]
        assert sorted(each.result().taken for each in several) == [6, 7, 8, 9, 10]
    redis.process.send_signal(signal.SIGCONT)

    assert len(asked) == 2


def test_both_ways_of_counting_answer_alike(redis: Redis) -> None:
    def story(counts: counting.Counts) -> list[tuple[int, bool]]:
        answers: list[Count] = [counts.take("cost/ada", 10, 60, units) for units in (4, 7, 3, 4, 3, 1)]
        answers.append(counts.look("cost/ada", 10, 60))
        counts.clear("cost/ada")
        answers.append(counts.look("cost/ada", 10, 60))
        return [(count.taken, count.wait is None) for count in answers]

    expected = [(4, True), (4, False), (7, True), (7, False), (10, True), (10, False), (10, False), (0, True)]
    assert story(counting.Counts()) == story(SharedCounts(redis.url)) == expected


def test_how_long_to_wait_depends_on_how_much_is_asked_for(redis: Redis) -> None:
    for counts in (counting.Counts(), SharedCounts(redis.url)):
        counts.take("cost/eve", 10, 3, 6)
        time.sleep(1)
        counts.take("cost/eve", 10, 3, 4)
        little, much = (counts.take("cost/eve", 10, 3, units).wait for units in (6, 7))

        assert little is not None
        assert much is not None
        assert much > little
