"""Memory growth over requests with distinct GraphQL documents, which every cache must evict again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.servers import Server
from bench.users import READERS, users
from bench.workloads import graphql
from bench.wrk import LoadError, LoadOptions, run_wrk, send_request, write_script

_STEPS = 10
_SLICE_SECONDS = 5  # seconds of load per reading; the duration of wrk is limited by time, not by requests
# The aliases make the document, the query plan and the response distinct.
_SCRIPT = """
local tokens = {%s}
local sent = 0
request = function()
  sent = sent + 1
  local query = string.format('{ a%s_%%d: tasks(first: 5) { nodes { b%%d: title tags { name } } } }', sent, sent)
  local headers = {['Content-Type'] = 'application/json', ['Authorization'] = 'Bearer ' .. tokens[sent %% #tokens + 1]}
  return wrk.format('POST', '/graphql', headers, '{"query": "' .. query .. '"}')
end
"""
_SIMILAR_DOCUMENT = "{ a: tasks(first: 5) { nodes { b: title tags { name } } } }"


@dataclass(frozen=True, slots=True)
class MemoryReading:
    """The memory (MB) after a number of requests."""

    requests: int
    megabytes: float


def measure_growth(server: Server, folder: Path, requests: int, report: Callable[[str], None]) -> list[MemoryReading]:
    """Send at least this number of requests; return the memory before them, and about ten readings until the end."""
    senders = users(READERS)
    tokens = ",\n".join(json.dumps(sender.token(server.secret)) for sender in senders)
    shortest = len(send_request(server, senders[0], graphql(_SIMILAR_DOCUMENT)).raw)
    readings = [MemoryReading(0, server.memory())]
    sent = slices = 0
    while sent < requests:
        slices += 1
        lua = write_script(folder, f"memory-{slices}", _SCRIPT % (tokens, slices))
        result = run_wrk(server, lua, LoadOptions(connections=8, seconds=_SLICE_SECONDS))
        if result.received < shortest * result.requests:
            raise LoadError(f"{server.name}: some of {result.requests} documents returned errors")
        sent += result.requests
        if sent >= requests * len(readings) / _STEPS:
            readings.append(MemoryReading(sent, server.memory()))
            report(f"{sent:,} distinct documents: {readings[-1].megabytes:.0f} MB")
    return readings
