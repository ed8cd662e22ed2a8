"""Monitor that starts a killed server again."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from models.postgres_process.cluster import Cluster
from models.postgres_process.errors import EmbeddedPostgresError

_INTERVAL = 0.5  # seconds
_RETRY_INTERVAL = 5.0

log = logging.getLogger("todo.embedded_postgres")


@contextmanager
def monitored(cluster: Cluster, ensure_running: Callable[[], None]) -> Iterator[None]:
    """Call `ensure_running` in a thread whenever the server has ended, until the end of the block."""
    stopped = Event()
    thread = Thread(target=_monitor, args=(cluster, ensure_running, stopped), name="postgres-monitor", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _monitor(cluster: Cluster, ensure_running: Callable[[], None], stopped: Event) -> None:
    interval = _INTERVAL
    while not stopped.wait(interval):
        interval = _INTERVAL
        if cluster.is_alive():
            continue
        log.warning("the embedded PostgreSQL has ended; starting it again")
        try:
            ensure_running()
        except (EmbeddedPostgresError, OSError) as error:
            log.error("the embedded PostgreSQL cannot be started again: %s", error)  # noqa: TRY400 - the message says all
            interval = _RETRY_INTERVAL
