"""Attack command: `python -m bench.attack --help`."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from api.settings import Settings
from bench.attack import report
from bench.attack.attack_process import AttackFailedError
from bench.attack.attacks import ATTACKS, Attack
from bench.attack.measurement import Bounds, Durations, Measurement, measure
from bench.attack.service import run_service
from bench.servers import ServerFailedError
from models.postgres_process.errors import EmbeddedMissingError

_DURATIONS = Durations(calm=5, attack=120, memory_release=60)
_BOUNDS = Bounds(
    p50_factor=10,
    p99=1_000,
    memory_growth=300,
    memory_kept=100,
    stop_seconds=Settings.model_fields["graceful_shutdown_seconds"].default,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run attacks, each on a service of its own, and print their figures. Without names, write them into SECURITY.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.attack", description="Measure what attacks do to another user.")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(attack.name for attack in ATTACKS))
    names = parser.parse_args(arguments).names
    if unknown := set(names).difference(attack.name for attack in ATTACKS):
        parser.error(f"unknown attack: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, _stop)
    try:
        measurements = [_measure(attack) for attack in ATTACKS if not names or attack.name in names]
    except (AttackFailedError, ServerFailedError, EmbeddedMissingError) as error:
        print(f"attack: {error}", file=sys.stderr)
        return 1
    table = report.render(measurements, _BOUNDS)
    print(table)
    if not names:
        report.write(table)
    return int(any(True for figures in measurements for _ in figures.exceeded(_BOUNDS)))


def _measure(attack: Attack) -> Measurement:
    with TemporaryDirectory(prefix="todo-attack-") as folder, run_service(attack, Path(folder)) as service:
        figures = measure(service, attack, _DURATIONS, _BOUNDS)
    exceeded = ", ".join(figures.exceeded(_BOUNDS)) or "none"
    print(
        f"{attack.name}: {figures.seconds:.1f} s; statuses {figures.statuses}; exceeded: {exceeded}", file=sys.stderr, flush=True
    )
    return figures


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """Exit through the context managers, which stop the service and delete the folder."""
    raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main())
