"""Readiness probe: checks the database of the running service.

Every client may request it, so frequent checks must be cheap.
"""

from asyncio import Task, create_task, shield, to_thread

from sqlalchemy import Engine

from models.readiness import check_readiness


class ReadinessProbe:
    """Runs one check at a time: concurrent callers share its result, one thread and one connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: Task[None] | None = None

    async def check(self) -> None:
        """Check the database, or wait for a check that is already running. Raises NotReadyError."""
        if self._running is None or self._running.done():
            self._running = create_task(to_thread(check_readiness, self._engine))
        await shield(self._running)
