"""Locks of the processes that share an embedded PostgreSQL. The kernel releases the locks of a process that ends."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from models.postgres_process import stop_when_unused


class ServerLocks:
    """Lock files beside the data folder: of the processes that use the server, of its start, and of its stop after a crash."""

    def __init__(self, data: Path) -> None:
        self._data = data

    @contextmanager
    def use(self, stop: Callable[[], None]) -> Iterator[None]:
        """Use the server inside the block. The last process that uses it calls `stop` at the end. Raises OSError."""
        with _open_lock_file(self._users) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            try:
                yield
            finally:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    fcntl.flock(lock, fcntl.LOCK_SH)  # waits if another process is stopping the server
                else:
                    stop()

    @contextmanager
    def start(self) -> Iterator[None]:
        """Exclude other processes from starting the server. Raises OSError."""
        with _open_lock_file(self._data.with_name(f"{self._data.name}.start.lock")) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def stop_when_unused(self) -> None:
        """Start a process that stops the server once no process uses it, for the case that the last one is killed."""
        subprocess.run(  # noqa: S603 - this Python
            [
                *(sys.executable, "-I", "-S", stop_when_unused.__file__),
                *(self._users, self._data.with_name(f"{self._data.name}.stop.lock"), self._data / "postmaster.pid"),
            ],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=True,
        )

    @property
    def _users(self) -> Path:
        return self._data.with_name(f"{self._data.name}.lock")


@contextmanager
def _open_lock_file(path: Path) -> Iterator[int]:
    """Open a lock file, and close it at the end, which releases the lock. A file of another user suffices if it is readable."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        yield descriptor
    finally:
        with suppress(OSError):
            os.close(descriptor)
