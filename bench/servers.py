"""Server processes of the benchmark, each on its own port."""

import os
import re
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
from bench.process_usage import memory, peak_memory
from bench.users import POOL_SIZE

# Names of the servers, as the report prints them.
SERVICE = "this service"
FASTAPI_SQLMODEL = "FastAPI + SQLModel"
STRAWBERRY = "Strawberry + DataLoader"
HANDWRITTEN_SQL = "handwritten SQL"
POSTGRAPHILE = "PostGraphile"
_START_SECONDS = 30
_ROOT = Path(__file__).parent.parent
_UVICORN_LOOP = ("--loop", "uvloop", "--http", "httptools")
_UVICORN = (sys.executable, "-m", "uvicorn", "--no-access-log", "--log-level", "warning", *_UVICORN_LOOP)


@dataclass(frozen=True, slots=True)
class Database:
    """URLs of the database for its owner and for the role of the service, and PostgreSQL's main process."""

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

    @property
    def slug(self) -> str:
        """The name as a part of file names."""
        return file_slug(self.name)

    def peak_memory(self) -> float:
        """Return the peak resident memory of the process in MB."""
        return peak_memory(self.process)

    def memory(self) -> float:
        """Return the present resident memory of the process in MB."""
        return memory(self.process)


@dataclass(frozen=True, slots=True)
class _ServerSpec:
    """The command that starts a server, to which the port is appended, and the database role that it uses."""

    command: tuple[str, ...]
    as_owner: bool = False


# `todo serve` leaves the choice to uvicorn, which uses uvloop and httptools if they are installed.
_SERVERS = {
    SERVICE: _ServerSpec((sys.executable, "-m", "api.cli", "serve", "--port")),
    FASTAPI_SQLMODEL: _ServerSpec((*_UVICORN, "bench.baselines.fastapi_sqlmodel:app", "--port"), as_owner=True),
    STRAWBERRY: _ServerSpec((*_UVICORN, "bench.baselines.strawberry_dataloader:app", "--port"), as_owner=True),
    HANDWRITTEN_SQL: _ServerSpec((*_UVICORN, "bench.baselines.handwritten_sql:app", "--port")),
    POSTGRAPHILE: _ServerSpec(("node", str(postgraphile.FOLDER / "server.mjs"))),
}


class ServerFailedError(Exception):
    """A server did not start, or ended before it was stopped."""


@contextmanager
def all_servers(names: set[str], database: Database, folder: Path) -> Iterator[dict[str, Server]]:
    """Run these servers; those that are not measured are idle."""
    secret = secrets.token_urlsafe(32)
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(_run_server(name, spec, secret, database, folder))
            for name, spec in _SERVERS.items()
            if name in names
        }


@contextmanager
def _run_server(name: str, spec: _ServerSpec, secret: str, database: Database, folder: Path) -> Iterator[Server]:
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}},
        "PYTHONPATH": str(_ROOT),
        "DATABASE_URL": database.owner if spec.as_owner else database.service,
        "DATABASE_POOL_SIZE": str(POOL_SIZE),
        "JWT_SECRET": secret,
        "NODE_ENV": "production",
        # Requests and costs are counted as usual, but the quotas are too large to reject any request.
        "RATE_LIMIT_REQUESTS": "1000000000/minute",
        "RATE_LIMIT_COST": "1000000000000/second",
    }
    log = folder / f"{file_slug(name)}.log"
    with log.open("w") as output:
        process = subprocess.Popen([*spec.command, str(port)], env=environment, cwd=folder, stdout=output, stderr=output)
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
    """Wait until the server accepts connections; all servers listen only when they are ready."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise ServerFailedError(f"{log.stem} did not start:\n{log.read_text()[-2000:]}")


def file_slug(name: str) -> str:
    """Return a server's or workload's name as a part of file names."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def free_port() -> int:
    """Return a port of 127.0.0.1 that is not in use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
