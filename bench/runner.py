"""The contest: rounds in which every server takes each workload in turn, so that a noisy minute hurts all alike."""

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
    """What is compared: one workload at one number of connections."""

    workload: Workload
    connections: int


Samples = Mapping[BenchmarkCase, Mapping[str, Sequence[Sample]]]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How long the contest goes on."""

    rounds: int
    seconds: int
    connections: tuple[int, ...]


class BenchmarkRunner:
    """The servers, and the scripts by which wrk drives them."""

    def __init__(self, servers: Mapping[str, Server], postmaster: psutil.Process, folder: Path) -> None:
        self._servers = servers
        self._postmaster = postmaster
        self._folder = folder
        self._scripts: dict[tuple[str, str], tuple[Path, int]] = {}

    def run(self, workloads: Sequence[Workload], options: RunOptions, report: Callable[[str], None]) -> Samples:
        """Run all rounds; every other one visits the servers in reverse, so that nobody always follows the same neighbour."""
        for workload in workloads:
            self._prepare(workload)
        report("All servers give the same answers.")
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
        """Compare the answers, write the scripts, and warm the servers up. Raises LoadError where answers differ."""
        servers = self._participants(workload)
        answers = {server.name: self._send(workload, server, place) for place, server in enumerate(servers)}
        _check_same_response(workload, answers)
        for server in servers:
            lua = write_script(self._folder, f"{workload.name}-{server.name}", script(server, workload))
            self._scripts[workload.name, server.name] = lua, len(answers[server.name].raw)
            self._measure(workload, server, _WARM_UP)

    def _send(self, workload: Workload, server: Server, place: int) -> Response:
        """Reads are compared on the same rows; what is written must be new to every server."""
        person = workload.users[place if workload.writes else 0]
        return send_request(server, person, workload.requests[server.name](person))

    def _measure(self, workload: Workload, server: Server, load: LoadOptions) -> Sample:
        lua, expected = self._scripts[workload.name, server.name]
        return measure(server, self._postmaster, lua, load, expected)

    def _participants(self, workload: Workload) -> list[Server]:
        return [server for name, server in self._servers.items() if name in workload.requests]


def _check_same_response(workload: Workload, answers: Mapping[str, Response]) -> None:
    ours = answers[SERVICE]
    for name, answer in answers.items():
        if workload.comparable(name, answer.data) != workload.comparable(SERVICE, ours.data):
            raise LoadError(f"{workload.name}: {name} answers {answer.raw[:500]!r}, ours {ours.raw[:500]!r}")
    if HANDWRITTEN_SQL in answers and answers[HANDWRITTEN_SQL].raw != ours.raw:
        raise LoadError(f"{workload.name}: what is written by hand differs in bytes from ours")


def median_sample(samples: Sequence[Sample]) -> Sample:
    """Return the median of each measure."""
    return Sample(*(median(values) for values in zip(*samples, strict=True)))


def ratio(numerator: Sequence[Sample], denominator: Sequence[Sample], measure: Callable[[Sample], float]) -> float:
    """Return the median over the rounds: neighbours in time are compared, not distant rounds."""
    return median(measure(one) / measure(other) for one, other in zip(numerator, denominator, strict=True))
