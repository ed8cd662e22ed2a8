"""The storage for moving windows, held against the rule itself: never more than so much within so long."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter

from services.rate_limiting import windows
from services.rate_limiting.network import network
from services.rate_limiting.policies import Limit, Policy
from services.rate_limiting.windows import MOST_KEYS, RUNS, WindowStorage

LIMIT, WINDOW = 10, 60


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of the storage."""
    clock = Clock()
    monkeypatch.setattr(windows, "time", clock)
    return clock


def take(storage: WindowStorage, amount: int = 1, key: str = "requests/ada") -> bool:
    return storage.acquire_entry(key, LIMIT, WINDOW, amount)


hits = st.lists(st.tuples(st.floats(0, 30) | st.floats(0, 0.6), st.integers(1, LIMIT)), max_size=60)


@given(hits)
def test_no_window_ever_holds_more_than_the_limit_nor_much_less_than_it_could(steps: list[tuple[float, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(windows, "time", clock)
        storage = WindowStorage()
        admitted: list[tuple[float, int]] = []
        for pause, amount in steps:
            clock.now += pause
            # A run leaves as a whole, so what came up to one run's length before the window may still count.
            exact = sum(taken for moment, taken in admitted if moment >= clock.now - WINDOW)
            at_most = sum(taken for moment, taken in admitted if moment >= clock.now - WINDOW - WINDOW / RUNS)
            if take(storage, amount):
                assert exact + amount <= LIMIT
                admitted.append((clock.now, amount))
            else:
                assert at_most + amount > LIMIT


def test_it_serves_the_strategy_of_the_library(clock: Clock) -> None:
    strategy, item = MovingWindowRateLimiter(WindowStorage()), RateLimitItemPerMinute(3)
    answers = []
    for _ in range(4):
        answers.append(strategy.hit(item, "ada"))
        clock.now += 10

    assert answers == [True, True, True, False]
    assert strategy.test(item, "eve")
    assert not strategy.test(item, "ada")
    assert strategy.get_window_stats(item, "ada") == (1_000_060.0, 0)
    clock.now = 1_000_060.1
    assert strategy.get_window_stats(item, "ada") == (1_000_070.0, 1)
    strategy.clear(item, "ada")
    assert strategy.get_window_stats(item, "ada").remaining == 3


def test_where_the_oldest_of_the_newest_was_taken(clock: Clock) -> None:
    storage = WindowStorage()
    for _ in range(3):
        take(storage, 2)
        clock.now += 10

    starts = [storage.get_moving_window("requests/ada", units, WINDOW) for units in (10, 6, 5, 4, 2, 1)]

    first, second, third = 1_000_000.0, 1_000_010.0, 1_000_020.0
    assert starts == [(first, 6), (first, 6), (first, 5), (second, 4), (third, 2), (third, 1)]


def test_close_hits_are_one_entry_and_there_is_an_end_to_entries(clock: Clock) -> None:
    storage = WindowStorage()
    for _ in range(20_000):
        storage.acquire_entry("requests/ada", 10**9, WINDOW)
        clock.now += 0.01

    (window,) = (window for shelf in storage._shelves.values() for window in shelf.values())
    assert len(window.times) <= RUNS + 1
    assert window.total == pytest.approx(WINDOW / 0.01, rel=2 / RUNS)


def test_keys_that_rest_are_forgotten_by_those_that_come(clock: Clock) -> None:
    storage = WindowStorage()
    for number in range(100):
        take(storage, key=f"requests/{number}")
    clock.now += WINDOW + 1
    for _ in range(60):
        take(storage, key="requests/ada")

    assert storage.reset() == 1


@pytest.mark.usefixtures("clock")
def test_of_too_many_keys_the_one_that_rested_longest_goes() -> None:
    storage = WindowStorage()
    take(storage, LIMIT, "cost/ada")
    take(storage, LIMIT, "requests/ada")
    for number in range(MOST_KEYS):
        take(storage, key=f"requests/{number}")
        take(storage, 1, "requests/0")
    assert not take(storage, 1, "cost/ada")  # another policy's keys are not in the way
    assert take(storage, LIMIT, "requests/ada")
    assert not take(storage, LIMIT, "requests/0")

    assert storage.reset() == MOST_KEYS + 1


@pytest.mark.parametrize(
    ("address", "known_as"),
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
def test_what_stands_for_an_address(address: str, known_as: str) -> None:
    assert network(address) == known_as


def test_long_addresses_take_no_more_memory_than_short_ones() -> None:
    tracemalloc.start()
    try:
        for number in range(1000):
            network(f"{number} " + "x" * 30_000)
        assert tracemalloc.get_traced_memory()[0] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("1200/minute", Limit(1200, 60)),
        ("5000 per 2 hours", Limit(5000, 7200)),
        ("10/30second", Limit(10, 30)),
        ("off", None),
        (" OFF ", None),
    ],
)
def test_how_limits_are_written(text: str, limit: Limit | None) -> None:
    assert Limit.parse(text) == limit


@pytest.mark.parametrize("text", ["", "lots", "0/minute", "5/fortnight", "1/second;5/minute", "-1/minute", "5"])
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(ValueError, match="such as 100/minute"):
        Limit.parse(text)


def test_a_policy_counts_whole_steps() -> None:
    assert Policy("cost", Limit(20_000_000, 60), "", 10_000).units == 2000
