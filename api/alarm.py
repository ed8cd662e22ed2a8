"""An alarm clock for connections."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable


class Alarm:
    """Rings once, at the time for which it was set, in the loop's own time."""

    def __init__(self, loop: AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._handle: TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        """Tell whether it will ring."""
        return self._handle is not None

    def set(self, moment: float) -> None:
        """Let it ring then, and not before."""
        self.stop()
        self._handle = self._loop.call_at(moment, self._go_off)

    def stop(self) -> None:
        """Let it not ring."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _go_off(self) -> None:
        self._handle = None
        self._ring()
