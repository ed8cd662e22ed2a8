"""JWKS cache: refresh, single flight, stale keys, and failures of the endpoint."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from http.server import BaseHTTPRequestHandler
from uuid import uuid4

import httpx
import pytest

from services.auth.jwks import cache as cache_module
from services.auth.jwks.cache import (
    MAX_WAITERS,
    JwksCache,
    JwksUnavailableError,
    KeyLookupDelayedError,
    RefreshPolicy,
    UnknownKeyError,
)
from services.auth.jwks.client import fetch_jwks
from services.auth.jwks.parsing import JwkSet
from services.errors import Unauthenticated, Unavailable
from tests.support.jwks_server import JwksEndpoint, SigningKey, run_jwks_server, send_response
from tests.support.service import LogCapture

pytestmark = pytest.mark.anyio

FREQUENT = RefreshPolicy(interval=0.05, retry_delay=0.02, timeout=0.5)
RARE = RefreshPolicy(interval=3600, retry_delay=3600, timeout=5)
ED, EC, RSA = (SigningKey.make(algorithm) for algorithm in ("EdDSA", "ES256", "RS256"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def endpoint() -> Iterator[JwksEndpoint]:
    """A JWKS endpoint with one Ed25519 key."""
    with run_jwks_server(ED) as running:
        yield running


@asynccontextmanager
async def run_cache(endpoint: JwksEndpoint, policy: RefreshPolicy = FREQUENT) -> AsyncIterator[JwksCache]:
    cache = JwksCache(endpoint.url, policy)
    async with cache.run():
        yield cache


def lookup(cache: JwksCache, key: SigningKey) -> bool | type[Exception]:
    """Return True if the key is found, or else the error."""
    try:
        return cache.get_key(key.kid).kid == key.kid
    except (UnknownKeyError, JwksUnavailableError) as error:
        return type(error)


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - conditions read the log and the state of other threads, which set no event
            await asyncio.sleep(0.005)


def respond_after(event: threading.Event, endpoint: JwksEndpoint) -> Callable[[BaseHTTPRequestHandler], None]:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        event.wait(10)
        send_response(handler, endpoint.document())

    return respond


def hang(_: BaseHTTPRequestHandler, endpoint: JwksEndpoint) -> None:
    endpoint.released.wait(10)


def send_other_protocol(handler: BaseHTTPRequestHandler, _: JwksEndpoint) -> None:
    handler.wfile.write(b"SSH-2.0\r\n\r\n")


def send_slow_headers(handler: BaseHTTPRequestHandler, endpoint: JwksEndpoint) -> None:
    """Send endless headers, a byte at a time: no single read takes long."""
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not endpoint.released.wait(0.02):
            handler.wfile.write(b"x")
    except OSError:
        pass


def send_endless_body(handler: BaseHTTPRequestHandler, endpoint: JwksEndpoint) -> None:
    """Send a valid document, followed by spaces without end."""
    try:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + endpoint.document())
        while not endpoint.released.is_set():
            handler.wfile.write(b" " * 65536)
    except OSError:
        pass


FAILURES: dict[str, tuple[Callable[[BaseHTTPRequestHandler, JwksEndpoint], None], str]] = {
    "no response": (hang, "no complete response within 0.5 s"),
    "slow headers": (send_slow_headers, "no complete response within 0.5 s"),
    "endless body": (send_endless_body, "larger than 262144 bytes"),
    "status 500": (lambda handler, endpoint: send_response(handler, endpoint.document(), 500), "status 500"),
    "not JSON": (lambda handler, _: send_response(handler, b"<html>"), "not JSON"),
    "not HTTP": (send_other_protocol, "RemoteProtocolError"),
    "closed connection": (lambda *_: None, "RemoteProtocolError"),
    "redirect": (lambda handler, endpoint: send_response(handler, b"", 302, Location=endpoint.url + "/other"), "status 302"),
    "compressed": (lambda handler, endpoint: send_response(handler, endpoint.document(), Content_Encoding="gzip"), "compressed"),
    "no usable key": (lambda handler, _: send_response(handler, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'), "no usable key"),
}


async def test_keys_are_fetched_once_at_startup(endpoint: JwksEndpoint) -> None:
    async with run_cache(endpoint, RARE) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        await asyncio.sleep(0.05)

    assert endpoint.fetches == 1


async def test_startup_does_not_wait_for_the_endpoint(endpoint: JwksEndpoint) -> None:
    endpoint.respond = lambda handler: hang(handler, endpoint)
    async with asyncio.timeout(2), run_cache(endpoint, RARE) as cache:
        assert lookup(cache, ED) is JwksUnavailableError


async def test_refresh_during_the_first_fetch_waits_for_it(endpoint: JwksEndpoint) -> None:
    event = threading.Event()
    endpoint.respond = respond_after(event, endpoint)
    async with run_cache(endpoint, RARE) as cache:
        waiter = asyncio.create_task(cache.refresh())
        await asyncio.sleep(0.05)
        assert not waiter.done()
        assert lookup(cache, ED) is JwksUnavailableError
        event.set()
        await waiter
        assert lookup(cache, ED) is True

    assert endpoint.fetches == 1


async def test_key_rotation_adds_new_and_removes_old_keys(endpoint: JwksEndpoint) -> None:
    async with run_cache(endpoint) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        assert lookup(cache, EC) is UnknownKeyError
        endpoint.keys = [ED, EC]
        await wait_until(lambda: lookup(cache, EC) is True)
        assert lookup(cache, ED) is True
        endpoint.keys = [EC]
        await wait_until(lambda: lookup(cache, ED) is UnknownKeyError)
        assert lookup(cache, EC) is True


async def test_unknown_kid_triggers_one_refresh_within_the_retry_delay(endpoint: JwksEndpoint) -> None:
    async with run_cache(endpoint, RARE) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        endpoint.keys = [EC]
        await cache.refresh()
        assert (lookup(cache, EC), lookup(cache, ED)) == (True, UnknownKeyError)
        endpoint.keys = [RSA]
        for _ in range(2000):
            await cache.refresh()
        assert lookup(cache, RSA) is UnknownKeyError

    assert endpoint.fetches == 2


async def test_kid_that_no_refresh_has_looked_up_is_unavailable_within_the_retry_delay(endpoint: JwksEndpoint) -> None:
    async with run_cache(endpoint, RARE) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        endpoint.keys = [EC]
        await cache.refresh("another kid")
        with pytest.raises(KeyLookupDelayedError) as error:
            await cache.refresh(RSA.kid)
        for known_to_be_missing in ("another kid", ED.kid):
            await cache.refresh(known_to_be_missing)

    assert error.value.headers == {"Retry-After": "3600"}
    assert endpoint.fetches == 2


async def test_kids_of_missing_keys_are_bounded(endpoint: JwksEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "MAX_MISSING_KIDS", 5)
    async with run_cache(endpoint, RefreshPolicy(interval=3600, retry_delay=0, timeout=5)) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        await asyncio.gather(*(cache.refresh(str(number)) for number in range(20)))

        assert (len(cache._missing_kids), cache._requested_kids) == (5, set())


async def test_unknown_kid_triggers_another_refresh_after_the_retry_delay(endpoint: JwksEndpoint) -> None:
    async with run_cache(endpoint, RefreshPolicy(interval=3600, retry_delay=0.05, timeout=5)) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        await cache.refresh()
        await asyncio.sleep(0.06)
        endpoint.keys = [EC]
        await cache.refresh()
        assert lookup(cache, EC) is True

    assert endpoint.fetches == 3


async def test_100_concurrent_unknown_kids_share_one_fetch(endpoint: JwksEndpoint) -> None:
    async with run_cache(endpoint, RARE) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        endpoint.keys = [ED, EC]

        async def authenticate() -> bool | type[Exception]:
            assert lookup(cache, EC) is UnknownKeyError
            await cache.refresh()
            return lookup(cache, EC)

        assert await asyncio.gather(*[authenticate() for _ in range(100)]) == [True] * 100

    assert endpoint.fetches == 2


async def test_waiters_beyond_the_limit_are_rejected_immediately(endpoint: JwksEndpoint) -> None:
    event = threading.Event()
    async with run_cache(endpoint, RARE) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        endpoint.respond = respond_after(event, endpoint)
        waiters = [asyncio.create_task(cache.refresh()) for _ in range(5000)]
        await wait_until(lambda: sum(waiter.done() for waiter in waiters) == 5000 - MAX_WAITERS)
        event.set()
        results = await asyncio.gather(*waiters, return_exceptions=True)
        assert cache._waiters == 0

    assert [type(result) for result in results] == [type(None)] * MAX_WAITERS + [JwksUnavailableError] * (5000 - MAX_WAITERS)
    assert endpoint.fetches == 2


async def test_refresh_times_out_while_the_endpoint_hangs(endpoint: JwksEndpoint) -> None:
    async with run_cache(endpoint, RefreshPolicy(interval=3600, retry_delay=0, timeout=0.2)) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        endpoint.respond = lambda handler: hang(handler, endpoint)
        began = time.monotonic()
        with pytest.raises(JwksUnavailableError):
            await cache.refresh()
        assert 0.15 < time.monotonic() - began < 2
        assert cache._waiters == 0


async def test_cancelled_waiters_are_removed(endpoint: JwksEndpoint) -> None:
    """The refresh that the waiters requested continues."""
    event = threading.Event()
    async with run_cache(endpoint, RARE) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        endpoint.keys, endpoint.respond = [EC], respond_after(event, endpoint)
        waiters = [asyncio.create_task(cache.refresh()) for _ in range(100)]
        await wait_until(lambda: cache._waiters == 100)
        for waiter in waiters:
            waiter.cancel()
        await asyncio.gather(*waiters, return_exceptions=True)
        assert all(waiter.cancelled() for waiter in waiters)
        assert cache._waiters == 0
        assert not cache._idle._waiters
        event.set()
        await wait_until(lambda: lookup(cache, EC) is True)

    assert endpoint.fetches == 2


@pytest.mark.parametrize("kind", FAILURES)
async def test_cached_keys_are_used_while_the_endpoint_fails(endpoint: JwksEndpoint, log: LogCapture, kind: str) -> None:
    fail, reason = FAILURES[kind]
    async with run_cache(endpoint) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        endpoint.respond = lambda handler: fail(handler, endpoint)
        await wait_until(lambda: lookup(cache, EC) is JwksUnavailableError)
        assert lookup(cache, ED) is True
        endpoint.keys, endpoint.respond = [ED, EC], None
        endpoint.released.set()
        await wait_until(lambda: lookup(cache, EC) is True)
        assert lookup(cache, RSA) is UnknownKeyError

    warnings = [line for line in log.captured if '"warning"' in line]
    assert warnings
    for line in warnings:
        assert '"todo.auth.jwks"' in line
        assert "JWKS refresh failed: " in line
        assert reason in line
        assert "; using cached keys" in line
    assert f"JWKS refreshed: 2 keys after {len(warnings)} failures" in log.captured[-1]


async def test_cached_keys_are_used_while_the_connection_is_refused(log: LogCapture) -> None:
    async with AsyncExitStack() as stack:
        with run_jwks_server(ED) as endpoint:
            cache = await stack.enter_async_context(run_cache(endpoint))
            await wait_until(lambda: lookup(cache, ED) is True)
        await wait_until(lambda: lookup(cache, EC) is JwksUnavailableError)
        assert lookup(cache, ED) is True

    assert "JWKS refresh failed: request failed: ConnectError; using cached keys" in log.captured[-1]


@pytest.mark.parametrize("kind", FAILURES)
async def test_no_cached_keys_are_unavailable_until_a_fetch_succeeds(endpoint: JwksEndpoint, log: LogCapture, kind: str) -> None:
    endpoint.respond = lambda handler: FAILURES[kind][0](handler, endpoint)
    async with run_cache(endpoint) as cache:
        await wait_until(lambda: endpoint.fetches > 1)
        for kid in (ED.kid, None, uuid4().hex):
            with pytest.raises(Unavailable):
                cache.get_key(kid)
        endpoint.respond = None
        endpoint.released.set()
        await wait_until(lambda: lookup(cache, ED) is True)

    assert "; no keys cached" in log.captured[0]


async def test_cached_keys_expire_after_max_stale(endpoint: JwksEndpoint, log: LogCapture) -> None:
    policy = RefreshPolicy(interval=0.05, retry_delay=0.02, timeout=0.5, max_stale=0.5)
    async with run_cache(endpoint, policy) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        endpoint.respond = lambda handler: send_response(handler, b"", 500)
        await wait_until(lambda: any("; using cached keys" in line for line in log.captured))
        await wait_until(lambda: lookup(cache, ED) is JwksUnavailableError)
        await wait_until(lambda: "; no keys cached" in log.captured[-1])
        endpoint.respond = None
        await wait_until(lambda: lookup(cache, ED) is True)

    assert "JWKS refreshed: 1 keys after " in log.captured[-1]


async def test_delay_doubles_with_each_failure_up_to_the_interval() -> None:
    cache = JwksCache("http://127.0.0.1:9", RefreshPolicy(interval=300, retry_delay=10))
    delays = []
    for cache._failures in (0, 1, 2, 3, 6, 10_000):
        delays.append(cache._next_delay())

    assert delays == [300, 10, 20, 40, 300, 300]


async def test_stopping_releases_waiters_and_leaves_no_task_or_thread(endpoint: JwksEndpoint) -> None:
    endpoint.respond = lambda handler: hang(handler, endpoint)
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    cache = JwksCache(endpoint.url, RefreshPolicy(timeout=3600))

    def new_threads() -> list[str]:
        """Return the names of new threads, without those of the endpoint, which has one for each connection."""
        names = [thread.name for thread in set(threading.enumerate()) - threads]
        return [name for name in names if "process_request_thread" not in name]

    async with asyncio.timeout(5):
        async with cache.run():
            await wait_until(lambda: endpoint.fetches == 1)
            waiter = asyncio.create_task(cache.refresh())
            await wait_until(lambda: cache._waiters == 1)
            assert {task.get_name() for task in asyncio.all_tasks() - tasks - {waiter}} == {"jwks-refresh"}
            assert new_threads() == []
        await waiter
        await cache.refresh()

    assert asyncio.all_tasks() == tasks
    assert new_threads() == []


async def test_stopping_before_the_task_begins_leaves_nothing(endpoint: JwksEndpoint) -> None:
    cache, tasks = JwksCache(endpoint.url, RARE), asyncio.all_tasks()
    async with asyncio.timeout(5):
        async with cache.run():
            pass
        await cache.refresh()

    assert asyncio.all_tasks() == tasks
    assert endpoint.fetches == 0


async def test_fetches_run_only_in_the_refresh_task(endpoint: JwksEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    names = []

    async def record_and_fetch(client: httpx.AsyncClient, url: str, timeout_seconds: float) -> JwkSet:
        task = asyncio.current_task()
        names.append(task and task.get_name())
        return await fetch_jwks(client, url, timeout_seconds)

    monkeypatch.setattr(cache_module, "fetch_jwks", record_and_fetch)
    async with run_cache(endpoint, RARE) as cache:
        await cache.refresh()
        await asyncio.create_task(cache.refresh(), name="a request")
        await cache.refresh()

    assert names == ["jwks-refresh"] * 2


async def test_cancelled_request_does_not_cancel_the_fetch_of_others(endpoint: JwksEndpoint) -> None:
    event = threading.Event()
    async with run_cache(endpoint, RARE) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        endpoint.keys, endpoint.respond = [EC], respond_after(event, endpoint)
        first, second = (asyncio.create_task(cache.refresh()) for _ in range(2))
        await wait_until(lambda: endpoint.fetches == 2)
        first.cancel()
        event.set()
        await second
        assert lookup(cache, EC) is True


async def test_missing_kid_is_rejected_if_the_issuer_has_several_keys(endpoint: JwksEndpoint) -> None:
    endpoint.keys = [ED, EC]
    async with run_cache(endpoint, RARE) as cache:
        await wait_until(lambda: lookup(cache, ED) is True)
        with pytest.raises(Unauthenticated, match="kid") as error:
            cache.get_key(None)
        assert type(error.value) is Unauthenticated
