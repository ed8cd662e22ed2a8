"""Memory storage of rate limits (bounded, exact under threads) and Retry-After (sufficient for a retry)."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import limits.storage.memory
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute, RateLimitItemPerSecond, RateLimitItemPerYear
from limits.strategies import SlidingWindowCounterRateLimiter

from api.settings_types import parse_rate_limit
from services.errors import QueryTooComplex, RateLimited
from services.rate_limiting import storage as storage_module
from services.rate_limiting.client import Client
from services.rate_limiting.limiter import GLOBAL_MULTIPLIER, RateLimiter
from services.rate_limiting.network import network_key
from services.rate_limiting.storage import BoundedMemoryStorage

LIMIT, WINDOW = 10, 60


class Clock:
    """A clock that a test moves; both the library's storage and BoundedMemoryStorage read it."""

    def __init__(self) -> None:
        self.now = 1_000_020.0  # a fixed window of a minute begins

    def __call__(self) -> float:
        return self.now


@contextmanager
def fake_time() -> Iterator[Clock]:
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage_module, "time", clock)
        patch.setattr(limits.storage.memory, "time", SimpleNamespace(time=clock))
        yield clock


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The clock of the storage."""
    with fake_time() as clock:
        yield clock


def acquire(storage: BoundedMemoryStorage, key: str = "ada", amount: int = 1) -> bool:
    return storage.acquire_sliding_window_entry(key, LIMIT, WINDOW, amount)


def count_counters(storage: BoundedMemoryStorage) -> int:
    return len(storage._counters)


hits = st.lists(st.tuples(st.floats(0, 50) | st.floats(0, 0.6), st.integers(1, LIMIT)), max_size=40)


@given(hits)
def test_retry_after_is_sufficient_and_not_much_longer_than_needed(steps: list[tuple[float, int]]) -> None:
    with fake_time() as clock:
        limiter = RateLimiter({"requests": RateLimitItemPerMinute(LIMIT)})
        policy = limiter.policies["requests"]
        for pause, amount in steps:
            clock.now += pause
            fits, status = limiter.consume(policy, "ada", amount)
            if fits:
                continue
            rejected_at, wait = clock.now, status.wait_for(amount)
            assert 0 < wait <= 2 * WINDOW
            clock.now = rejected_at + 0.99 * wait - 0.01
            assert not limiter.consume(policy, "ada", amount)[0]
            clock.now = rejected_at + wait + 0.01
            assert limiter.consume(policy, "ada", amount)[0]


@given(hits, st.floats(0, 7200))
def test_clock_that_is_set_back_does_not_extend_the_wait(steps: list[tuple[float, int]], jump: float) -> None:
    with fake_time() as clock:
        limiter = RateLimiter({"requests": RateLimitItemPerMinute(LIMIT)})
        for pause, amount in steps:
            clock.now += pause
            limiter.consume(limiter.policies["requests"], "ada", amount)
        clock.now -= jump

        assert limiter.consume(limiter.policies["requests"], "ada", 0)[1].wait_for(1) <= WINDOW


@given(hits)
def test_one_window_accepts_at_most_two_quotas_and_many_windows_one_each(steps: list[tuple[float, int]]) -> None:
    with fake_time() as clock:
        storage, begin, accepted = BoundedMemoryStorage(), clock.now, list[tuple[float, int]]()
        for pause, amount in steps:
            clock.now += pause
            if acquire(storage, amount=amount):
                accepted.append((clock.now, amount))
            assert sum(amount for moment, amount in accepted if moment > clock.now - WINDOW) <= 2 * LIMIT

        assert sum(amount for _, amount in accepted) <= LIMIT * ((clock.now - begin) // WINDOW + 1)


def test_storage_serves_the_strategy_of_the_library(clock: Clock) -> None:
    strategy, item = SlidingWindowCounterRateLimiter(BoundedMemoryStorage()), RateLimitItemPerMinute(3)

    assert [strategy.hit(item, "ada") for _ in range(4)] == [True, True, True, False]
    assert strategy.test(item, "eve")
    clock.now += 60 + 30
    assert strategy.get_window_stats(item, "ada").remaining == 2
    strategy.clear(item, "ada")
    assert strategy.get_window_stats(item, "ada").remaining == 3


def test_expired_counters_are_removed_by_later_ones(clock: Clock) -> None:
    storage = BoundedMemoryStorage()
    for number in range(100):
        acquire(storage, f"{number}")
    clock.now += 2 * WINDOW + 1
    for number in range(101):
        acquire(storage, f"new {number}")

    assert count_counters(storage) == 101


def test_least_recently_used_counter_is_evicted(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    assert clock.now
    monkeypatch.setattr(storage_module, "MAX_COUNTERS", 100)
    storage = BoundedMemoryStorage()
    for key in ("evicted", "used"):
        acquire(storage, key, LIMIT - 1)
    for number in range(99):
        acquire(storage, f"{number}")
        if not number:
            acquire(storage, "used")

    assert count_counters(storage) == 100
    assert not acquire(storage, "used")
    assert acquire(storage, "evicted", LIMIT)


def test_clients_of_one_policy_do_not_evict_counters_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "MAX_COUNTERS", 10)
    limiter = RateLimiter({"requests": RateLimitItemPerHour(1), "anonymous": RateLimitItemPerHour(1)})
    Client("192.0.2.1", limiter=limiter).user_quota("ada").consume()
    for number in range(100):
        Client(f"198.51.100.{number}", limiter=limiter).anonymous_quota.consume()

    with pytest.raises(RateLimited):
        Client("192.0.2.1", limiter=limiter).user_quota("ada").consume()


def test_threads_consume_exactly_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read pauses so that the other threads run; the storage starts no timer thread."""
    get = BoundedMemoryStorage.get

    def get_slowly(storage: BoundedMemoryStorage, key: str) -> int:
        count = get(storage, key)
        time.sleep(0.0001)
        return count

    monkeypatch.setattr(BoundedMemoryStorage, "get", get_slowly)
    limiter = RateLimiter({"requests": RateLimitItemPerYear(50)})
    with ThreadPoolExecutor(8) as pool:
        consumed = [pool.submit(limiter.consume, limiter.policies["requests"], "ada", 1) for _ in range(100)]
        assert sum(future.result()[0] for future in consumed) == 50
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


@pytest.mark.usefixtures("clock")
def test_reserved_quota_is_not_charged_again_when_consumed() -> None:
    limiter = RateLimiter({"requests": RateLimitItemPerMinute(LIMIT), "cost": RateLimitItemPerMinute(1000)})
    client = Client("192.0.2.1", limiter=limiter)
    quota = client.user_quota("ada")
    remaining = []
    steps: list[Callable[[], None]] = [quota.reserve, lambda: quota.reserve(3, cost=600), *[quota.consume] * 4]
    for step in steps:
        step()
        remaining.append(client.usage["requests"].remaining)

    assert remaining == [9, 7, 7, 7, 7, 6]
    assert client.usage["cost"].remaining == 400


@pytest.mark.parametrize(
    ("consumed_before", "reserved"), [(10, 1), (7, 4), (5, 7), (1, 0)], ids=["one", "several", "partly reserved", "not reserved"]
)
def test_retried_request_is_served_after_retry_after(clock: Clock, consumed_before: int, reserved: int) -> None:
    limiter = RateLimiter({"requests": RateLimitItemPerMinute(LIMIT)})

    def request() -> None:
        quota = Client("192.0.2.1", limiter=limiter).user_quota("ada")
        quota.reserve()
        quota.reserve(reserved)
        for _ in range(reserved or LIMIT):  # without a reservation, the amount is known only after execution
            quota.consume()

    for _ in range(consumed_before):
        Client("192.0.2.1", limiter=limiter).user_quota("ada").consume()
    with pytest.raises(RateLimited) as error:
        request()
    clock.now += int(error.value.headers["Retry-After"])

    request()


def test_retry_after_waits_for_all_quotas_of_the_request(clock: Clock) -> None:
    limiter = RateLimiter({"requests": RateLimitItemPerHour(1), "cost": RateLimitItemPerSecond(10)})

    def request() -> None:
        quota = Client("192.0.2.1", limiter=limiter).user_quota("ada")
        quota.reserve()
        quota.reserve(1, cost=10)

    Client("192.0.2.1", limiter=limiter).user_quota("ada").reserve(0, cost=10)
    with pytest.raises(RateLimited, match="cost") as error:
        request()
    clock.now += int(error.value.headers["Retry-After"])

    request()


def test_request_larger_than_the_quota_raises_query_too_complex() -> None:
    quota = Client("192.0.2.1", limiter=RateLimiter({"requests": RateLimitItemPerMinute(LIMIT)})).user_quota("ada")
    quota.reserve()

    with pytest.raises(QueryTooComplex, match=r"needs 11, more than the quota allows \(10 requests in 60 seconds\)"):
        quota.reserve(LIMIT + 1)


def test_global_account_quota_is_a_multiple_of_the_quota_per_address() -> None:
    policies = RateLimiter({"auth-account": RateLimitItemPerMinute(3)}).policies

    assert policies["auth-account-global"].amount == GLOBAL_MULTIPLIER * 3


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown" * 50, ("unknown" * 50)[:64]),
    ],
)
def test_address_is_truncated_to_its_network_key(address: str, key: str) -> None:
    assert network_key(address) == key


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("1200/minute", RateLimitItemPerMinute(1200)),
        ("5000 per 2 hours", RateLimitItemPerHour(5000, 2)),
        ("10/30second", RateLimitItemPerSecond(10, 30)),
        ("off", None),
        (" OFF ", None),
    ],
)
def test_rate_limit_string_is_parsed(text: str, limit: RateLimitItem | None) -> None:
    assert parse_rate_limit(text) == limit


@pytest.mark.parametrize("text", ["", "lots", "0/minute", "5/fortnight", "1/second;5/minute", "-1/minute", "5"])
def test_invalid_rate_limit_string_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="such as 100/minute"):
        parse_rate_limit(text)
