"""The `todo serve` command in a process of its own, and the PostgreSQL processes that it starts."""

import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tests.support.api_clients import TLS
from tests.support.service import TODO_COMMAND, command_environment


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def run_serve(folder: Path, *arguments: str, **settings: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `todo serve`, wait until it is ready, and stop it at the end."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [TODO_COMMAND, "serve", *arguments],
            env=command_environment(folder, **{"PORT": free_port(), **settings}),
            cwd=folder,
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 30
        while not ((url := printed_url(folder / "log")) and is_ready(url)):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield process, url
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def printed_url(log: Path) -> str | None:
    found = re.search(r"^  API        (http://.+)/api$", log.read_text(), re.MULTILINE)
    return found[1] if found else None


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", verify=TLS).status_code == 200
    except httpx.TransportError:
        return False


def postgres_processes(folder: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres" and str(folder) in " ".join(process.info["cmdline"] or [])
    ]


@contextmanager
def signal_disposition(number: signal.Signals, disposition: signal.Handlers) -> Iterator[None]:
    """Set the disposition of a signal that child processes inherit; a test run in the background may ignore the signal."""
    previous = signal.signal(number, disposition)
    try:
        yield
    finally:
        signal.signal(number, previous)
