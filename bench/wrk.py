"""Load by wrk, and CPU time per request in the server's process and in PostgreSQL."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import psutil

from bench.process_usage import cpu_seconds, process_tree_cpu_seconds
from bench.servers import Server, file_slug
from bench.users import BenchmarkUser
from bench.workloads import RequestSpec, Workload

WRK = shutil.which("wrk")
_FIRST_ERROR_STATUS = 400
_MIN_RELATIVE_SIZE = 0.8

_SCRIPT = """
local requests = {%s}
local index = 0
request = function()
  index = index %% #requests + 1
  return requests[index]
end
"""
_DONE = """
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('\\nRESULT [%d, %d, %d, %.0f, %.0f, %d]\\n', summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"""


class LoadError(Exception):
    """The load failed, so that its measurements are invalid."""


class Sample(NamedTuple):
    """One measurement: requests per second, latencies in ms, CPU in ms per request, in the server and in PostgreSQL."""

    rate: float
    p50: float
    p99: float
    cpu: float
    database_cpu: float


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """Number of connections and duration."""

    connections: int
    seconds: int


class WrkResult(NamedTuple):
    """Counters of wrk; times in microseconds."""

    requests: int
    duration: int
    received: int
    p50: int
    p99: int
    errors: int


@dataclass(frozen=True, slots=True)
class Response:
    """A response that was received before the load: its JSON and its bytes."""

    data: Any
    raw: bytes


def send_request(server: Server, user: BenchmarkUser, request: RequestSpec) -> Response:
    """Send one request. Raises LoadError for an HTTP error or a GraphQL error."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(request.method, request.path, request.body or None, _headers(server, user, request))
        response = connection.getresponse()
        raw = response.read()
    finally:
        connection.close()
    description = f"{server.name}: {request.method} {request.path}"
    if response.status >= _FIRST_ERROR_STATUS:
        raise LoadError(f"{description} returns {response.status}: {raw[:500]!r}")
    data = orjson.loads(raw)
    if isinstance(data, dict) and data.get("errors"):
        raise LoadError(f"{description} returns errors: {raw[:500]!r}")
    return Response(data, raw)


def script(server: Server, workload: Workload) -> str:
    """Return the Lua script that sends the workload as one user after another."""
    render = workload.requests[server.name]
    # Escapes of ASCII text are the same in JSON and Lua.
    requests = (json.dumps(_raw_request(server, user, render(user))) for user in workload.users)
    return _SCRIPT % ",\n".join(requests)


def measure(server: Server, postmaster: psutil.Process, lua: Path, load: LoadOptions, expected: int) -> Sample:
    """Run the script. `expected` is the size of a correct response: a GraphQL error has status 200, but is shorter."""
    before, database_before = cpu_seconds(server.process), process_tree_cpu_seconds(postmaster)
    result = run_wrk(server, lua, load)
    after, database_after = cpu_seconds(server.process), process_tree_cpu_seconds(postmaster)
    if result.received < _MIN_RELATIVE_SIZE * expected * result.requests:
        received = result.received // result.requests
        raise LoadError(f"{server.name}: responses of {received} bytes instead of {expected} in {lua.stem}")
    return Sample(
        rate=result.requests / result.duration * 1e6,
        p50=result.p50 / 1000,
        p99=result.p99 / 1000,
        cpu=(after - before) / result.requests * 1000,
        database_cpu=(database_after - database_before) / result.requests * 1000,
    )


def run_wrk(server: Server, lua: Path, load: LoadOptions) -> WrkResult:
    """Run wrk. Raises LoadError if any request failed."""
    if WRK is None:
        raise LoadError("wrk is missing: apt-get install wrk")
    options = ("-t1", f"-c{load.connections}", f"-d{load.seconds}s", "--timeout", "30s", "--script", str(lua))
    done = subprocess.run(
        [WRK, *options, f"http://127.0.0.1:{server.port}"],
        capture_output=True,
        text=True,
        timeout=load.seconds + 60,
        check=False,
    )
    results = [line.removeprefix("RESULT ") for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not results:
        raise LoadError(f"wrk failed: {done.stdout}{done.stderr}")
    result = WrkResult(*json.loads(results[0]))
    if result.errors or not result.requests:
        raise LoadError(f"{server.name}: {result.errors} errors in {result.requests} requests of {lua.stem}")
    return result


def write_script(folder: Path, name: str, text: str) -> Path:
    """Write a script for wrk, with the lines that print its result."""
    path = folder / f"{file_slug(name)}.lua"
    path.write_text(text + _DONE)
    return path


def _headers(server: Server, user: BenchmarkUser, request: RequestSpec) -> dict[str, str]:
    headers = {"Host": "127.0.0.1", "Accept": "application/json", "Authorization": f"Bearer {user.token(server.secret)}"}
    return headers | ({"Content-Type": "application/json"} if request.body else {})


def _raw_request(server: Server, user: BenchmarkUser, request: RequestSpec) -> str:
    headers = _headers(server, user, request) | ({"Content-Length": str(len(request.body))} if request.body else {})
    lines = (f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", "")
    return "\r\n".join(lines) + request.body.decode()
