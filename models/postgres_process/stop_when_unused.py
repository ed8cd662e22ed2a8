"""Program that stops an embedded PostgreSQL once no process uses it. It imports the standard library only.

Arguments: the lock file of the processes that use the server, a lock file of this program, and postmaster.pid.
"""

import fcntl
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_POLL_SECONDS = 0.05
_TIMEOUT_SECONDS = 60.0


def main(users: str, own: str, pid_file: str) -> None:
    """Wait until no process holds a lock of `users`, then stop the server. Only one process does so."""
    with Path(own).open("w") as own_lock, Path(users).open() as users_lock:
        try:
            fcntl.flock(own_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        fcntl.flock(users_lock, fcntl.LOCK_EX)
        stop_postmaster(Path(pid_file))


def stop_postmaster(pid_file: Path, timeout: float = _TIMEOUT_SECONDS) -> None:
    """Stop the server by a fast shutdown, after the timeout by an immediate one, and wait for its end."""
    for stop in (signal.SIGINT, signal.SIGQUIT):
        pid = read_postmaster_pid(pid_file)
        if pid is None or not is_postgres(pid):
            return
        os.kill(pid, stop)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not is_postgres(pid):
                return
            time.sleep(_POLL_SECONDS)


def read_postmaster_pid(pid_file: Path) -> int | None:
    """Return the process id in postmaster.pid; None if there is none."""
    try:
        return int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def is_postgres(pid: int) -> bool:
    """Return whether the process exists, has not ended and, where the system tells, is a PostgreSQL server."""
    with suppress(PermissionError):  # a process of another user exists, too
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    try:
        name, _, status = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except OSError:  # it has ended, or this system has no /proc
        return not Path("/proc/self/stat").exists()
    return name == "postgres" and status.split()[0] != "Z"


if __name__ == "__main__" and os.fork() == 0:  # the parent ends immediately: the process belongs to no other
    main(*sys.argv[1:])
