"""What the service is held to, and whether this run kept it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.contest import Case, Samples, ratio, typical
from bench.load import Sample
from bench.memory import Reading
from bench.servers import BY_HAND, IDIOMATIC, OURS, POSTGRAPHILE, USUAL

_TAIL = 3.0  # p99 to p50
_TAIL_CONNECTIONS = 8
_OVERHEAD = 1.25  # CPU of the nested query, to that of the same SELECTs by hand
_MEMORY = 200.0  # MB
_GROWTH = 1.05  # over the documents after the first fifth, which fills the caches


@dataclass(frozen=True, slots=True)
class Faster:
    """So many times the requests per second of a baseline."""

    workload: str
    baseline: str
    connections: tuple[int, ...]
    times: float


_FASTER = (
    Faster("nested", IDIOMATIC, (8, 16), 9),
    Faster("nested", POSTGRAPHILE, (1,), 1.75),
    Faster("nested", POSTGRAPHILE, (8,), 2.5),
    Faster("list", USUAL, (8, 16), 2.5),
    Faster("one", USUAL, (8, 16), 1.5),
    Faster("create", USUAL, (8, 16), 1.5),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target, and what came out."""

    target: str
    found: str
    kept: bool


def verdicts(samples: Samples, peak: float, readings: Sequence[Reading]) -> Iterator[Verdict]:
    """Judge the run. What was not measured is not judged."""
    for case, by_server in samples.items():
        yield from _speed(case, by_server)
        yield from _overhead(case, by_server)
    for case, by_server in samples.items():
        yield from _tail(case, by_server)
    yield Verdict(f"peak memory below {_MEMORY:.0f} MB", f"{peak:.0f} MB", peak < _MEMORY)
    if readings:
        early, late = readings[len(readings) // 5], readings[-1]
        found = f"{early.megabytes:.0f} MB after {early.requests:,}, {late.megabytes:.0f} MB after {late.requests:,}"
        yield Verdict("memory flat over distinct documents", found, late.megabytes < early.megabytes * _GROWTH)


def _speed(case: Case, by_server: Mapping[str, Sequence[Sample]]) -> Iterator[Verdict]:
    for goal in _FASTER:
        if goal.workload == case.workload.name and case.connections in goal.connections and goal.baseline in by_server:
            found = ratio(by_server[OURS], by_server[goal.baseline], lambda sample: sample.rate)
            target = f"{_place(case)}: at least {goal.times:g} x {goal.baseline}"
            yield Verdict(target, f"{found:.2f} x", found >= goal.times)


def _overhead(case: Case, by_server: Mapping[str, Sequence[Sample]]) -> Iterator[Verdict]:
    if BY_HAND in by_server:
        found = ratio(by_server[OURS], by_server[BY_HAND], lambda sample: sample.cpu)
        yield Verdict(f"{_place(case)}: CPU at most {_OVERHEAD:g} x by hand", f"{found:.2f} x", found <= _OVERHEAD)


def _tail(case: Case, by_server: Mapping[str, Sequence[Sample]]) -> Iterator[Verdict]:
    if case.connections == _TAIL_CONNECTIONS:
        ours = typical(by_server[OURS])
        yield Verdict(f"{_place(case)}: p99 below {_TAIL:g} x p50", f"{ours.p99 / ours.p50:.2f} x", ours.p99 < _TAIL * ours.p50)


def _place(case: Case) -> str:
    return f"{case.workload.title}, {case.connections} connection{'s' if case.connections > 1 else ''}"
