"""The contest: rounds in which every server takes each workload in turn, so that a noisy minute hurts all alike."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

from bench.load import Answer, Load, LoadError, Sample, ask, measure, script, write_script
from bench.servers import BY_HAND, OURS, Server
from bench.workloads import Workload

_WARM_UP = Load(connections=8, seconds=2)


class Case(NamedTuple):
    """What is compared: one workload at one number of connections."""

    workload: Workload
    connections: int


Samples = Mapping[Case, Mapping[str, Sequence[Sample]]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long the contest goes on."""

    rounds: int
    seconds: int
    connections: tuple[int, ...]


class Contest:
    """The servers, and the scripts by which wrk drives them."""

    def __init__(self, servers: Mapping[str, Server], postmaster: psutil.Process, folder: Path) -> None:
        self._servers = servers
        self._postmaster = postmaster
        self._folder = folder
        self._scripts: dict[tuple[str, str], tuple[Path, int]] = {}

    def run(self, workloads: Sequence[Workload], effort: Effort, tell: Callable[[str], None]) -> Samples:
        """Run all rounds; every other one visits the servers in reverse, so that nobody always follows the same neighbour."""
        for workload in workloads:
            self._prepare(workload)
        tell("All servers give the same answers.")
        samples: defaultdict[Case, defaultdict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
        for number in range(effort.rounds):
            for workload in workloads:
                for connections in effort.connections:
                    for server in self._taking_part(workload)[:: -1 if number % 2 else 1]:
                        sample = self._measure(workload, server, Load(connections, effort.seconds))
                        samples[Case(workload, connections)][server.name].append(sample)
                tell(f"round {number + 1} of {effort.rounds}: {workload.title}")
        return samples

    def _prepare(self, workload: Workload) -> None:
        """Compare the answers, write the scripts, and warm the servers up. Raises LoadError where answers differ."""
        servers = self._taking_part(workload)
        answers = {server.name: self._ask(workload, server, place) for place, server in enumerate(servers)}
        _check_same(workload, answers)
        for server in servers:
            lua = write_script(self._folder, f"{workload.name}-{server.name}", script(server, workload))
            self._scripts[workload.name, server.name] = lua, len(answers[server.name].raw)
            self._measure(workload, server, _WARM_UP)

    def _ask(self, workload: Workload, server: Server, place: int) -> Answer:
        """Reads are compared on the same rows; what is written must be new to every server."""
        person = workload.people[place if workload.writes else 0]
        return ask(server, person, workload.asks[server.name](person))

    def _measure(self, workload: Workload, server: Server, load: Load) -> Sample:
        lua, expected = self._scripts[workload.name, server.name]
        return measure(server, self._postmaster, lua, load, expected)

    def _taking_part(self, workload: Workload) -> list[Server]:
        return [server for name, server in self._servers.items() if name in workload.asks]


def _check_same(workload: Workload, answers: Mapping[str, Answer]) -> None:
    ours = answers[OURS]
    for name, answer in answers.items():
        if workload.essence(name, answer.tree) != workload.essence(OURS, ours.tree):
            raise LoadError(f"{workload.name}: {name} answers {answer.raw[:500]!r}, ours {ours.raw[:500]!r}")
    if BY_HAND in answers and answers[BY_HAND].raw != ours.raw:
        raise LoadError(f"{workload.name}: what is written by hand differs in bytes from ours")


def typical(samples: Sequence[Sample]) -> Sample:
    """Return the median of each measure."""
    return Sample(*(median(values) for values in zip(*samples, strict=True)))


def ratio(above: Sequence[Sample], below: Sequence[Sample], measure: Callable[[Sample], float]) -> float:
    """Return the median over the rounds: neighbours in time are compared, not distant rounds."""
    return median(measure(one) / measure(other) for one, other in zip(above, below, strict=True))
