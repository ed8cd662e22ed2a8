"""Server processes: one process that serves, or several workers under a parent process."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import wait
from socket import socket
from threading import Thread

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from api.app import create_app
from api.server.uvicorn_options import uvicorn_options
from api.settings import Settings

_WORKER_START_TIMEOUT = 30  # seconds; on a busy machine imports alone exceed uvicorn's default of five


class WorkerProcesses(Multiprocess):
    """Parent of the workers. SIGHUP stops it, as it stops a single process: uvicorn would restart the workers."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket]) -> None:
        hangup = signal.getsignal(signal.SIGHUP)
        super().__init__(config, sockets)
        if hangup is signal.SIG_IGN:  # nohup ignores it
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def handle_hup(self) -> None:
        """Stop: the terminal was closed."""
        self.handle_term()

    @property
    def is_failed(self) -> bool:
        """Return whether a worker could not start."""
        return any(process.exitcode == STARTUP_FAILURE for process in self.processes)


def run_server(settings: Settings, sockets: Sequence[socket]) -> None:
    """Serve on the sockets until a signal stops the service. Raises SystemExit if it cannot start."""
    config = uvicorn.Config(
        "api.main:app" if settings.workers > 1 else create_app(settings),
        workers=settings.workers,
        timeout_graceful_shutdown=settings.graceful_shutdown_seconds,
        timeout_worker_healthcheck=_WORKER_START_TIMEOUT,
        **uvicorn_options(settings),
    )
    if settings.workers == 1:
        uvicorn.Server(config).run(sockets=list(sockets))
        return
    for bound in sockets:
        bound.set_inheritable(True)
    workers = WorkerProcesses(config, list(sockets))
    workers.run()
    if workers.is_failed:
        sys.exit(STARTUP_FAILURE)


def follow_parent() -> None:
    """In a worker, leave SIGHUP to the parent process, and stop when that process ends, even if it was killed.

    Workers that outlive their parent would keep the port.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    Thread(target=_terminate_after, args=(parent.sentinel,), name="parent-watch", daemon=True).start()


def _terminate_after(sentinel: int) -> None:
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
