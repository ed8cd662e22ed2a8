"""Measurement of an attack: latency and failures of another user, CPU time and memory of the service."""

import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.attack.attack_process import AttackProcess
from bench.attack.attacks import Attack
from bench.attack.other_user import Latencies, OtherUser
from bench.attack.service import AttackedService
from bench.process_usage import cpu_seconds, memory, peak_memory, process_tree_cpu_seconds

_MEMORY_INTERVAL = 0.5  # seconds between two readings of the memory
_SECONDS_BEFORE_STOP = 0.3  # of the second run, so that the service is stopped during the attack


@dataclass(frozen=True, slots=True)
class Durations:
    """How long the phases of a measurement take, in seconds. An attack that takes longer is ended."""

    calm: float
    attack: float
    memory_release: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of the figures of an attack. `memory_growth` and `memory_kept` are in MB above the memory before the attack."""

    p50_factor: float
    p99: float  # ms
    memory_growth: float
    memory_kept: float
    stop_seconds: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """Figures of one attack; memory in MB."""

    attack: Attack
    calm: Latencies
    attacked: Latencies
    seconds: float
    cpu: float
    database_cpu: float
    memory_before: float
    memory_peak: float
    memory_after: float
    stop_seconds: float
    statuses: Mapping[int, int]

    def exceeded(self, bounds: Bounds) -> Iterator[str]:
        """Yield the names of the figures that exceed their bounds."""
        if self.attacked.failures:
            yield "failures"
        if self.attacked.p50 > bounds.p50_factor * self.calm.p50:
            yield "p50"
        if self.attacked.p99 > bounds.p99:
            yield "p99"
        if self.memory_peak > self.memory_before + bounds.memory_growth:
            yield "peak memory"
        if self.memory_after > self.memory_before + bounds.memory_kept:
            yield "memory after"
        if self.stop_seconds > bounds.stop_seconds:
            yield "SIGTERM"


def measure(service: AttackedService, attack: Attack, durations: Durations, bounds: Bounds) -> Measurement:
    """Run an attack twice, first to measure it, then to stop the service during it; return the figures."""
    with OtherUser(service.url) as user:
        calm_end = time.monotonic() + durations.calm
        calm = user.watch(lambda: time.monotonic() > calm_end)
        cpu, database_cpu = cpu_seconds(service.process), process_tree_cpu_seconds(service.postmaster)
        memory_before = memory(service.process)
        with AttackProcess(attack.function, service.url) as running:
            started = time.monotonic()
            attacked = user.watch(lambda: not running.is_running() or time.monotonic() > started + durations.attack)
            statuses, seconds = running.statuses(), time.monotonic() - started
    return Measurement(
        attack=attack,
        calm=calm,
        attacked=attacked,
        seconds=seconds,
        cpu=cpu_seconds(service.process) - cpu,
        database_cpu=process_tree_cpu_seconds(service.postmaster) - database_cpu,
        memory_before=memory_before,
        memory_peak=peak_memory(service.process),
        memory_after=_memory_after(service, memory_before + bounds.memory_kept, durations.memory_release),
        # Measured last: keyword arguments are evaluated in this order.
        stop_seconds=_stop(service, attack),
        statuses=statuses,
    )


def _memory_after(service: AttackedService, enough: float, seconds: float) -> float:
    """Return the memory as soon as it is not more than `enough`, at the latest after these seconds."""
    end = time.monotonic() + seconds
    while (megabytes := memory(service.process)) > enough and time.monotonic() < end:
        time.sleep(_MEMORY_INTERVAL)
    return megabytes


def _stop(service: AttackedService, attack: Attack) -> float:
    """Return the seconds that the service takes to stop during the attack."""
    with AttackProcess(attack.function, service.url):
        time.sleep(_SECONDS_BEFORE_STOP)
        started = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        service.process.wait()
        return time.monotonic() - started
