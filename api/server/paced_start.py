"""Paced start of requests without a credential, so that a burst of them does not occupy the event loop."""

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable

MAX_STARTS = 4  # per iteration of the event loop, which runs a part of each started request


class PacedStart:
    """Starts a few requests in each iteration of the event loop; further ones wait in the order of arrival."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], None]] = deque()
        self._started = 0  # in this iteration

    def start(self, request: Callable[[], None]) -> None:
        """Start the request in this iteration, or in a later one."""
        if self._waiting or self._started >= MAX_STARTS:
            self._waiting.append(request)
        else:
            self._start_now(request)

    def _start_now(self, request: Callable[[], None]) -> None:
        if not self._started:
            self._loop.call_soon(self._begin_iteration)
        self._started += 1
        request()

    def _begin_iteration(self) -> None:
        self._started = 0
        while self._waiting and self._started < MAX_STARTS:
            self._start_now(self._waiting.popleft())
