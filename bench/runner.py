"""Benchmark runner: in each round every server runs each workload in turn, so that a noisy minute affects all servers alike."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

from bench.servers import HANDWRITTEN_SQL, SERVICE, Server
from bench.workloads import Workload
from bench.wrk import LoadError, LoadOptions, Response, Sample, measure, script, send_request, write_script

_WARM_UP = LoadOptions(connections=8, seconds=2)


class BenchmarkCase(NamedTuple):
    """One workload with one number of connections."""

    workload: Workload
    connections: int


Samples = Mapping[BenchmarkCase, Mapping[str, Sequence[Sample]]]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Number of rounds, duration of a measurement, and numbers of connections."""

    rounds: int
    seconds: int
    connections: tuple[int, ...]


class BenchmarkRunner:
    """Runs workloads on servers with wrk scripts."""

    def __init__(self, servers: Mapping[str, Server], postmaster: psutil.Process, folder: Path) -> None:
        self._servers = servers
        self._postmaster = postmaster
        self._folder = folder
        self._scripts: dict[tuple[str, str], tuple[Path, int]] = {}

    def run(self, workloads: Sequence[Workload], options: RunOptions, report: Callable[[str], None]) -> Samples:
        """Run all rounds; every other round has the reverse order of servers, so that no server always follows the same one."""
        for workload in workloads:
            self._prepare(workload)
        report("All servers return the same responses.")
        samples: defaultdict[BenchmarkCase, defaultdict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
        for number in range(options.rounds):
            for workload in workloads:
                for connections in options.connections:
                    for server in self._participants(workload)[:: -1 if number % 2 else 1]:
                        sample = self._measure(workload, server, LoadOptions(connections, options.seconds))
                        samples[BenchmarkCase(workload, connections)][server.name].append(sample)
                report(f"round {number + 1} of {options.rounds}: {workload.title}")
        return samples

    def _prepare(self, workload: Workload) -> None:
        """Compare the responses, write the scripts, and warm up the servers. Raises LoadError if responses differ."""
        servers = self._participants(workload)
        responses = {server.name: self._send(workload, server, index) for index, server in enumerate(servers)}
        _check_same_response(workload, responses)
        for server in servers:
            lua = write_script(self._folder, f"{workload.name}-{server.slug}", script(server, workload))
            self._scripts[workload.name, server.name] = lua, len(responses[server.name].raw)
            self._measure(workload, server, _WARM_UP)

    def _send(self, workload: Workload, server: Server, index: int) -> Response:
        """Send the request of one user: for reads the same user on every server, for writes a different one."""
        user = workload.users[index if workload.writes else 0]
        return send_request(server, user, workload.requests[server.name](user))

    def _measure(self, workload: Workload, server: Server, load: LoadOptions) -> Sample:
        lua, expected = self._scripts[workload.name, server.name]
        return measure(server, self._postmaster, lua, load, expected)

    def _participants(self, workload: Workload) -> list[Server]:
        return [server for name, server in self._servers.items() if name in workload.requests]


def _check_same_response(workload: Workload, responses: Mapping[str, Response]) -> None:
    expected = responses[SERVICE]
    for name, response in responses.items():
        if workload.comparable(name, response.data) != workload.comparable(SERVICE, expected.data):
            raise LoadError(f"{workload.name}: {name} returns {response.raw[:500]!r}, {SERVICE} {expected.raw[:500]!r}")
    if HANDWRITTEN_SQL in responses and responses[HANDWRITTEN_SQL].raw != expected.raw:
        raise LoadError(f"{workload.name}: the responses of {HANDWRITTEN_SQL} and {SERVICE} differ in bytes")


def median_sample(samples: Sequence[Sample]) -> Sample:
    """Return the median of each measure."""
    return Sample(*(median(values) for values in zip(*samples, strict=True)))


def ratio(numerator: Sequence[Sample], denominator: Sequence[Sample], measure: Callable[[Sample], float]) -> float:
    """Return the median of the ratios within each round, in which both were measured at nearly the same time."""
    return median(measure(one) / measure(other) for one, other in zip(numerator, denominator, strict=True))
