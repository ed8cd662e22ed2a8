"""Starts the servers, each as one process on a port of its own, and stops them."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.baselines import postgraphile
from bench.users import POOL_SIZE

SERVICE, FASTAPI_SQLMODEL, STRAWBERRY, HANDWRITTEN_SQL, POSTGRAPHILE = "ours", "usual", "idiomatic", "by hand", "PostGraphile"
_START_SECONDS = 30
_ROOT = Path(__file__).parent.parent
_UVICORN_LOOP = ("--loop", "uvloop", "--http", "httptools")
_UVICORN = (sys.executable, "-m", "uvicorn", "--no-access-log", "--log-level", "warning", *_UVICORN_LOOP)


@dataclass(frozen=True, slots=True)
class Database:
    """The tables, as their owner and as the service's role see them, and the process that keeps them."""

    owner: str
    service: str
    postmaster: psutil.Process


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    name: str
    port: int
    secret: str
    process: psutil.Process

    def peak_memory(self) -> float:
        """Return the most memory that the process ever held, in MB."""
        return _megabytes(self.process.pid, "VmHWM")

    def memory(self) -> float:
        """Return the memory that the process holds now, in MB."""
        return _megabytes(self.process.pid, "VmRSS")


@dataclass(frozen=True, slots=True)
class _Kind:
    """How to start a server, its port being the last argument, and as whom it connects."""

    command: tuple[str, ...]
    as_owner: bool = False


# `todo serve` lets uvicorn choose, which takes uvloop and httptools where they are installed.
_KINDS = {
    SERVICE: _Kind((sys.executable, "-m", "api.cli", "serve", "--port")),
    FASTAPI_SQLMODEL: _Kind((*_UVICORN, "bench.baselines.fastapi_sqlmodel:app", "--port"), as_owner=True),
    STRAWBERRY: _Kind((*_UVICORN, "bench.baselines.strawberry_dataloader:app", "--port"), as_owner=True),
    HANDWRITTEN_SQL: _Kind((*_UVICORN, "bench.baselines.handwritten_sql:app", "--port")),
    POSTGRAPHILE: _Kind(("node", str(postgraphile.FOLDER / "server.mjs"))),
}


class ServerFailedError(Exception):
    """A server did not start, or ended too soon."""


@contextmanager
def all_servers(names: set[str], database: Database, folder: Path) -> Iterator[dict[str, Server]]:
    """Run these servers side by side; idle ones cost nothing."""
    secret = secrets.token_urlsafe(32)
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(_run_server(name, kind, secret, database, folder))
            for name, kind in _KINDS.items()
            if name in names
        }


@contextmanager
def _run_server(name: str, kind: _Kind, secret: str, database: Database, folder: Path) -> Iterator[Server]:
    port = _free_port()
    surroundings = {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}},
        "PYTHONPATH": str(_ROOT),
        "DATABASE_URL": database.owner if kind.as_owner else database.service,
        "DATABASE_POOL_SIZE": str(POOL_SIZE),
        "JWT_SECRET": secret,
        "NODE_ENV": "production",
        # Counted like everything, but never refused: 2,000 operations fit into a window of cost, however cheap they are.
        "RATE_LIMIT_REQUESTS": "1000000000/minute",
        "RATE_LIMIT_COST": "1000000000000/second",
    }
    log = folder / f"{name}.log"
    with log.open("w") as output:
        process = subprocess.Popen([*kind.command, str(port)], env=surroundings, cwd=folder, stdout=output, stderr=output)
    try:
        _wait_for(process, port, log)
        yield Server(name, port, secret, psutil.Process(process.pid))
    finally:
        process.terminate()
        try:
            process.wait(_START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """All of them listen only when they are ready to serve."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise ServerFailedError(f"{log.stem} did not start:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _megabytes(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise ServerFailedError(f"process {pid} tells no {field}")
