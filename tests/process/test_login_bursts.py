"""Bursts of logins: they wait in threads of their own, and start a few at a time."""

import asyncio
from collections.abc import Callable
from threading import Event

import pytest

from api.server.paced_start import MAX_STARTS, PacedStart
from services.auth.login_threads import LoginThreads
from services.auth.password_hashing import MAX_QUEUED
from services.errors import Unavailable


def test_logins_beyond_the_queue_are_rejected_immediately() -> None:
    async def run() -> None:
        threads, is_done = LoginThreads(1), Event()
        waiting = [asyncio.ensure_future(threads.run(is_done.wait)) for _ in range(2 + MAX_QUEUED)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="Too many concurrent logins"):
            await threads.run(is_done.wait)
        # The threads of other requests are free.
        assert await asyncio.to_thread(lambda: "free") == "free"

        is_done.set()
        assert all(await asyncio.gather(*waiting))
        assert await threads.run(lambda: "accepted") == "accepted"

    asyncio.run(run())


def test_few_requests_start_in_each_iteration_of_the_event_loop() -> None:
    async def run() -> None:
        paced_start = PacedStart(asyncio.get_running_loop())
        started: list[int] = []
        requests: list[Callable[[], None]] = [lambda number=number: started.append(number) for number in range(10)]  # type: ignore[misc]
        for request in requests:
            paced_start.start(request)
        counts = [len(started)]
        while len(started) < len(requests):
            await asyncio.sleep(0)
            counts.append(len(started))

        assert counts == [MAX_STARTS, 2 * MAX_STARTS, 10]
        assert started == list(range(10))

        await asyncio.sleep(0)
        paced_start.start(lambda: started.append(10))
        assert started[-1] == 10  # without a burst, a request starts immediately

    asyncio.run(run())
