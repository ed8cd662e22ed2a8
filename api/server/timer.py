"""Restartable timer on the event loop."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable


class Timer:
    """Calls a function once, at a time of the event loop's clock."""

    def __init__(self, loop: AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._handle: TimerHandle | None = None

    @property
    def is_active(self) -> bool:
        """Return whether the timer is running."""
        return self._handle is not None

    def start(self, when: float) -> None:
        """Start the timer, or restart it with a new time."""
        self.cancel()
        self._handle = self._loop.call_at(when, self._fire)

    def cancel(self) -> None:
        """Stop the timer if it is running."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        self._handle = None
        self._callback()
