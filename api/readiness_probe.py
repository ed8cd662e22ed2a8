"""The checkup of a running service: may it still run on its database? Anybody may ask, so asking often must not cost much."""

from asyncio import Task, create_task, shield

from anyio import to_thread
from sqlalchemy import Engine

from models.readiness import check_readiness


class ReadinessProbe:
    """Asks the database once at a time, however many want to know: they take one thread and one connection, not all of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: Task[None] | None = None

    async def check(self) -> None:
        """Return when all is well. Who comes while the database is being asked waits for that answer. Raises NotReady."""
        if self._running is None or self._running.done():
            self._running = create_task(to_thread.run_sync(check_readiness, self._engine))
        await shield(self._running)
