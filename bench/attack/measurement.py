"""Measurement of an attack: latency and failures of another user, CPU time and memory of the service.

`python -m bench.attack.measurement` prints one line for each attack. It starts one service with default limits for each.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import httpx
import psutil

from bench.attack import anonymous_documents, queues

Attack = Callable[[str], list[int]]

ATTACKS: tuple[tuple[Attack, Mapping[str, str]], ...] = (
    (anonymous_documents.aliased_introspection, {}),
    (anonymous_documents.repeated_fields, {"GRAPHQL_INTROSPECTION": "false"}),
    (anonymous_documents.unknown_fields, {}),
    (anonymous_documents.unknown_input_fields, {}),
    (queues.fresh_api_tokens, {}),
    (queues.logouts, {}),
    (queues.refreshes, {}),
)
_ROOT = Path(__file__).parent.parent.parent
_PORT = int(os.environ.get("PORT", "8790"))
_INTERVAL = 0.05  # seconds between two requests of the other user
_CALM_SECONDS = 5.0
_START_SECONDS = 60.0
_TASKS = 20
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Latencies:
    """What the other user noticed; times in ms."""

    p50: float
    p99: float
    failures: int

    def __str__(self) -> str:
        """Return the figures in words."""
        return f"p50 {self.p50:.0f} ms, p99 {self.p99:.0f} ms, {self.failures} failures"


class OtherUser:
    """A registered user with tasks, who asks for a page of them every 50 ms."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=60)
        account = {"email": f"{os.urandom(8).hex()}@example.com", "password": "correct horse"}
        token = self._http.post("/api/auth/register", json=account).json()["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"
        for number in range(_TASKS):
            self._http.post("/api/me/tasks", json={"title": f"Task {number}"}).raise_for_status()

    def watch(self, is_done: Callable[[], bool]) -> Latencies:
        """Send requests until it is done, and return their latencies."""
        latencies, failures = [], 0
        while not is_done():
            started = time.perf_counter()
            response = self._http.get("/api/me/tasks", params={"limit": _TASKS})
            latencies.append((time.perf_counter() - started) * 1000)
            failures += not response.is_success
            time.sleep(max(0.0, started + _INTERVAL - time.perf_counter()))
        percentiles = quantiles([*latencies, *latencies[-1:]], n=100, method="inclusive")
        return Latencies(percentiles[49], percentiles[98], failures)


def main() -> None:
    """Run the attacks that are named by arguments, or all."""
    for attack, settings in ATTACKS:
        if attack.__name__ in sys.argv[1:] or not sys.argv[1:]:
            with TemporaryDirectory(prefix="todo-attack-") as folder, _run_service(Path(folder), settings) as service:
                print(f"{attack.__name__}: {measure(service, attack)}", flush=True)


def measure(service: psutil.Process, attack: Attack) -> str:
    """Return the figures of an attack on the service, which ends the service."""
    url = f"http://127.0.0.1:{_PORT}"
    user = OtherUser(url)
    calm_end = time.monotonic() + _CALM_SECONDS
    calm = user.watch(lambda: time.monotonic() > calm_end)
    cpu, memory = _cpu_seconds(service), service.memory_info().rss
    peak = memory
    with ProcessPoolExecutor(1) as processes:
        started = time.monotonic()
        running = processes.submit(attack, url)

        def is_done() -> bool:
            nonlocal peak
            peak = max(peak, service.memory_info().rss)
            return running.done()

        attacked = user.watch(is_done)
        statuses, seconds = Counter(running.result()), time.monotonic() - started
    cpu, after = _cpu_seconds(service) - cpu, service.memory_info().rss
    stopping = time.monotonic()
    service.send_signal(signal.SIGTERM)
    service.wait()
    return (
        f"calm {calm}; attack of {seconds:.1f} s {attacked}; CPU {cpu:.1f} s; memory {memory / _MEGABYTE:.0f}, "
        f"peak {peak / _MEGABYTE:.0f}, after {after / _MEGABYTE:.0f} MB; SIGTERM {time.monotonic() - stopping:.1f} s; "
        f"statuses {json.dumps(dict(statuses))}"
    )


def _cpu_seconds(service: psutil.Process) -> float:
    times = service.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _run_service(folder: Path, settings: Mapping[str, str]) -> Iterator[psutil.Process]:
    """Run the service with an embedded PostgreSQL and default limits."""
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    environment = {**inherited, "PYTHONPATH": str(_ROOT), "DATA_DIR": str(folder / "data"), "LOG_FORMAT": "json", **settings}
    command = (sys.executable, "-m", "api.cli", "serve", "--port", str(_PORT))
    with (folder / "service.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            _wait_until_ready(process)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{_PORT}/ready").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise RuntimeError("The service did not start.")


if __name__ == "__main__":
    main()
