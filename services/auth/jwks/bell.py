"""The bell between requests and the thread that fetches keys: it wakes the thread, and tells those who wait that it is done."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf
from threading import Lock
from time import monotonic

MAX_WAITING = 1000


class Bell:
    """However many ring, there is one fetch at a time, and one in so many seconds: the others wait for it too, or not at all."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._rung = -inf
        self._wake: Callable[[], object] | None = None
        self._busy = False
        self._waiting: set[asyncio.Future[None]] = set()

    def hang(self, wake: Callable[[], object]) -> None:
        """Say what wakes the thread, which begins with a fetch unasked."""
        with self._lock:
            self._wake, self._busy = wake, True

    def take_down(self) -> None:
        """Wake nobody from now on."""
        with self._lock:
            self._wake = None

    def begin(self) -> None:
        """The thread fetches: whoever rings now waits for this fetch."""
        with self._lock:
            self._busy = True

    def end(self) -> None:
        """The fetch is over: let go of all who wait for it."""
        with self._lock:
            self._busy = False
            waiting, self._waiting = self._waiting, set()
        for over in waiting:
            # The loop of one that waited may be closed meanwhile.
            with suppress(RuntimeError):
                over.get_loop().call_soon_threadsafe(_resolve, over)

    async def ring(self, patience: float) -> None:
        """Wait until a fetch is over; return at once where one was rung for just now.

        Raises TimeoutError after so many seconds of patience, and where too many wait already.
        """
        over = asyncio.get_running_loop().create_future()
        if not self._is_heard(over):
            return
        try:
            async with asyncio.timeout(patience):
                await over
        finally:
            with self._lock:
                self._waiting.discard(over)

    def _is_heard(self, over: asyncio.Future[None]) -> bool:
        """Tell whether there is a fetch to wait for; if so, `over` will be resolved after it."""
        with self._lock:
            if not self._busy:
                if self._wake is None or monotonic() - self._rung < self._seconds:
                    return False
                self._rung = monotonic()
                self._busy = True
                self._wake()
            if len(self._waiting) >= MAX_WAITING:
                raise TimeoutError
            self._waiting.add(over)
            return True


def _resolve(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
