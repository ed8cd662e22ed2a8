"""The contest: rounds in which every server takes each workload in turn, so that a noisy minute hurts all alike."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

from bench.load import LoadError, Sample, ask, measure, script, write_script
from bench.servers import BY_HAND, OURS, Server
from bench.workloads import Workload, essence


class Case(NamedTuple):
    """What is compared: one workload at one number of connections."""

    workload: str
    connections: int


Samples = dict[Case, dict[str, list[Sample]]]


class Contest:
    """Prepared workloads: each server's answers are checked, its scripts written."""

    def __init__(self, servers: dict[str, Server], postmaster: psutil.Process, folder: Path) -> None:
        self._servers = servers
        self._postmaster = postmaster
        self._folder = folder
        self._scripts: dict[tuple[str, str], tuple[Path, int]] = {}

    def prepare(self, workload: Workload) -> None:
        """Compare the servers' answers, write their scripts, and warm them up. Raises LoadError where answers differ."""
        answers = (
            {
                server.name: ask(server, person, workload.asks[server.name](person))
                for server, person in zip(self._taking_part(workload), workload.people * len(self._servers), strict=False)
            }
            if workload.writes
            else {
                server.name: ask(server, workload.people[0], workload.asks[server.name](workload.people[0]))
                for server in self._taking_part(workload)
            }
        )
        ours = answers[OURS]
        for name, answer in answers.items():
            if essence(answer.tree, writes=workload.writes) != essence(ours.tree, writes=workload.writes):
                raise LoadError(f"{workload.name}: {name} answers {answer.raw[:600]!r}, ours {ours.raw[:600]!r}")
        if BY_HAND in answers and answers[BY_HAND].raw != ours.raw:
            raise LoadError(f"{workload.name}: by hand and ours differ in bytes")
        for server in self._taking_part(workload):
            lua = write_script(self._folder, f"{workload.name}-{server.name}".replace(" ", "-"), script(server, workload))
            self._scripts[workload.name, server.name] = lua, len(answers[server.name].raw)
            self.measure(workload, server, connections=8, seconds=1)

    def measure(self, workload: Workload, server: Server, *, connections: int, seconds: int) -> Sample:
        """Measure one server once."""
        lua, expected = self._scripts[workload.name, server.name]
        return measure(server, self._postmaster, lua, connections=connections, seconds=seconds, expected=expected)

    def rounds(
        self, workloads: Sequence[Workload], *, rounds: int, connections: Sequence[int], seconds: int, tell: Callable[[str], None]
    ) -> Samples:
        """Run all rounds; every other one visits the servers in reverse, so that nobody always follows the same neighbour."""
        samples: Samples = defaultdict(lambda: defaultdict(list))
        for number in range(rounds):
            for workload in workloads:
                for width in connections:
                    for server in list(self._taking_part(workload))[:: -1 if number % 2 else 1]:
                        sample = self.measure(workload, server, connections=width, seconds=seconds)
                        samples[Case(workload.name, width)][server.name].append(sample)
                tell(f"round {number + 1}/{rounds}: {workload.name}")
        return samples

    def _taking_part(self, workload: Workload) -> Iterator[Server]:
        return (server for name, server in self._servers.items() if name in workload.asks)


def typical(samples: Sequence[Sample]) -> Sample:
    """Return the median of each measure."""
    return Sample(*(median(values) for values in zip(*map(_values, samples), strict=True)))


def ratio(ours: Sequence[Sample], theirs: Sequence[Sample], measure: Callable[[Sample], float]) -> float:
    """Return the median over the rounds of ours to theirs: neighbours in time are compared, not distant rounds."""
    return median(measure(mine) / measure(other) for mine, other in zip(ours, theirs, strict=True))


def _values(sample: Sample) -> tuple[float, ...]:
    return sample.rate, sample.p50, sample.p99, sample.cpu, sample.database_cpu
