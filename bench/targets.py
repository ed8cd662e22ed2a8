"""Performance targets of the service, and their results in a run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.memory_growth import MemoryReading
from bench.runner import BenchmarkCase, Samples, median_sample, ratio
from bench.servers import FASTAPI_SQLMODEL, HANDWRITTEN_SQL, POSTGRAPHILE, SERVICE, STRAWBERRY
from bench.wrk import Sample

_MAX_TAIL_RATIO = 3.0  # p99 to p50
_TAIL_CONNECTIONS = 8
_MAX_CPU_RATIO = 1.25  # CPU of the nested query, divided by that of the same SELECTs in handwritten SQL
_MAX_MEMORY = 200.0  # MB
_MAX_MEMORY_GROWTH = 1.05  # after the first fifth of the documents, which fills the caches


@dataclass(frozen=True, slots=True)
class SpeedTarget:
    """Minimum ratio of requests per second to a baseline."""

    workload: str
    baseline: str
    connections: tuple[int, ...]
    factor: float


_SPEED_TARGETS = (
    SpeedTarget("nested", STRAWBERRY, (8, 16), 9),
    SpeedTarget("nested", POSTGRAPHILE, (1,), 1.75),
    SpeedTarget("nested", POSTGRAPHILE, (8,), 2.5),
    SpeedTarget("list", FASTAPI_SQLMODEL, (8, 16), 2.5),
    SpeedTarget("one", FASTAPI_SQLMODEL, (8, 16), 1.5),
    SpeedTarget("create", FASTAPI_SQLMODEL, (8, 16), 1.5),
)


@dataclass(frozen=True, slots=True)
class TargetResult:
    """A target, the measured value, and whether it meets the target."""

    target: str
    measured: str
    is_met: bool


def check_targets(samples: Samples, peak: float, readings: Sequence[MemoryReading]) -> Iterator[TargetResult]:
    """Check all targets whose workloads were measured."""
    for case, by_server in samples.items():
        yield from _speed(case, by_server)
        yield from _overhead(case, by_server)
    for case, by_server in samples.items():
        yield from _tail(case, by_server)
    yield TargetResult(f"peak memory below {_MAX_MEMORY:.0f} MB", f"{peak:.0f} MB", peak < _MAX_MEMORY)
    if readings:
        early, late = readings[len(readings) // 5], readings[-1]
        measured = f"{early.megabytes:.0f} MB after {early.requests:,}, {late.megabytes:.0f} MB after {late.requests:,}"
        yield TargetResult("memory flat over distinct documents", measured, late.megabytes < early.megabytes * _MAX_MEMORY_GROWTH)


def _speed(case: BenchmarkCase, by_server: Mapping[str, Sequence[Sample]]) -> Iterator[TargetResult]:
    for goal in _SPEED_TARGETS:
        if goal.workload == case.workload.name and case.connections in goal.connections and goal.baseline in by_server:
            measured = ratio(by_server[SERVICE], by_server[goal.baseline], lambda sample: sample.rate)
            target = f"{_case_title(case)}: at least {goal.factor:g} x {goal.baseline}"
            yield TargetResult(target, f"{measured:.2f} x", measured >= goal.factor)


def _overhead(case: BenchmarkCase, by_server: Mapping[str, Sequence[Sample]]) -> Iterator[TargetResult]:
    if HANDWRITTEN_SQL in by_server:
        measured = ratio(by_server[SERVICE], by_server[HANDWRITTEN_SQL], lambda sample: sample.cpu)
        yield TargetResult(
            f"{_case_title(case)}: CPU at most {_MAX_CPU_RATIO:g} x {HANDWRITTEN_SQL}",
            f"{measured:.2f} x",
            measured <= _MAX_CPU_RATIO,
        )


def _tail(case: BenchmarkCase, by_server: Mapping[str, Sequence[Sample]]) -> Iterator[TargetResult]:
    if case.connections == _TAIL_CONNECTIONS:
        sample = median_sample(by_server[SERVICE])
        yield TargetResult(
            f"{_case_title(case)}: p99 below {_MAX_TAIL_RATIO:g} x p50",
            f"{sample.p99 / sample.p50:.2f} x",
            sample.p99 < _MAX_TAIL_RATIO * sample.p50,
        )


def _case_title(case: BenchmarkCase) -> str:
    return f"{case.workload.title}, {case.connections} connection{'s' if case.connections > 1 else ''}"
