"""Service with default limits and an embedded PostgreSQL of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from bench.attack.attacks import Attack
from bench.servers import ServerFailedError, free_port
from models.embedded_postgres import embedded_postgres

_ROOT = Path(__file__).parent.parent.parent
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class AttackedService:
    """A running service, its URL, and PostgreSQL's main process."""

    url: str
    process: psutil.Process
    postmaster: psutil.Process


@contextmanager
def run_service(attack: Attack, folder: Path) -> Iterator[AttackedService]:
    """Run `todo serve` with its data in the folder, and prepare the attack."""
    port, data = free_port(), folder / "data"
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    environment = {**inherited, "PYTHONPATH": str(_ROOT), "DATA_DIR": str(data), "LOG_FORMAT": "json", **attack.settings}
    command = (sys.executable, "-m", "api.cli", "serve", "--port", str(port))
    url, log = f"http://127.0.0.1:{port}", folder / "service.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=output, stderr=output)
    try:
        _wait_until_ready(process, url, log)
        if attack.prepare is not None:
            # Shares the server that the service has started; the service stops it at its end.
            with embedded_postgres(data) as (owner_url, _):
                attack.prepare(url, owner_url)
        postmaster = int((data / "postgres" / "postmaster.pid").read_text().split()[0])
        yield AttackedService(url, psutil.Process(process.pid), psutil.Process(postmaster))
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/ready").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise ServerFailedError(f"The service did not start:\n{log.read_text()[-2000:]}")
