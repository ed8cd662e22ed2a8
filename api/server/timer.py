"""An alarm clock for connections."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable


class Timer:
    """Rings once, at the time for which it was set, in the loop's own time."""

    def __init__(self, loop: AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._handle: TimerHandle | None = None

    @property
    def is_active(self) -> bool:
        """Tell whether it will ring."""
        return self._handle is not None

    def start(self, moment: float) -> None:
        """Let it ring then, and not before."""
        self.cancel()
        self._handle = self._loop.call_at(moment, self._fire)

    def cancel(self) -> None:
        """Let it not ring."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        self._handle = None
        self._ring()
