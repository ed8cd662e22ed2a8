"""Throttle of log lines: one line per kind and minute, and the number of lines that were left out."""

from collections.abc import Callable
from logging import Logger
from threading import Lock
from time import monotonic

INTERVAL = 60.0  # seconds
_MAX_KINDS = 100  # causes of failed readiness checks are texts


class LogThrottle:
    """Logs a line of each kind at most once per interval. For any thread."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kinds: dict[str, tuple[float, int]] = {}  # time of the last line, and the number of suppressed ones since then

    def permit(self, kind: str) -> int | None:
        """Return the number of lines suppressed since the last one if a line may be logged now; None suppresses it."""
        now = self._clock()
        with self._lock:
            logged_at, suppressed = self._kinds.get(kind, (-INTERVAL, 0))
            if now - logged_at < INTERVAL:
                self._kinds[kind] = logged_at, suppressed + 1
                return None
            if len(self._kinds) >= _MAX_KINDS:
                self._kinds.clear()
            self._kinds[kind] = now, 0
            return suppressed

    def warning(self, log: Logger, kind: str, message: str) -> None:
        """Log the message with the number of lines of this kind that were left out since the last one, or leave it out."""
        suppressed = self.permit(kind)
        if suppressed is not None:
            log.warning(message, extra={"suppressed": suppressed or None})
