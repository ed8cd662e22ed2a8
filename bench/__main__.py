"""Benchmark command: `python -m bench --help`."""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TypeVar

import psutil

from bench import dataset, environment_info, memory_growth, report, scaling
from bench.baselines import postgraphile
from bench.runner import BenchmarkRunner, RunOptions
from bench.servers import POSTGRAPHILE, SERVICE, Database, ServerFailedError, all_servers
from bench.workloads import WORKLOADS
from bench.wrk import WRK, LoadError
from models.embedded_postgres import embedded_postgres
from models.migrate import migrate
from models.postgres_process.errors import EmbeddedMissingError

Value = TypeVar("Value", int, str)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark, print the report, and write bench/RESULTS.md if nothing was skipped. Servers are stopped in any case."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _stop)
    if WRK is None:
        print("bench: wrk is missing: apt-get install wrk", file=sys.stderr)
        return 1
    try:
        with TemporaryDirectory(prefix="todo-bench-") as folder:
            measurements = _measure(options, Path(folder))
    except (LoadError, ServerFailedError, EmbeddedMissingError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    text = report.render(measurements)
    print(text)
    if options.skip_growth or options.skip_memory:
        print("Some measurements were skipped; bench/RESULTS.md is unchanged.")
    else:
        report.write(text)
    return 0


def _measure(options: argparse.Namespace, folder: Path) -> report.Measurements:
    run_options = RunOptions(options.rounds, options.seconds, options.connections)
    scaling_options = RunOptions(options.rounds, options.seconds, (1,))
    workloads = [workload for workload in WORKLOADS if not options.only or workload.name in options.only]
    scaling_workloads = [] if options.skip_growth else [*scaling.NESTED_PAGES.values(), *scaling.WHOLE_LISTS.values()]
    needed = {SERVICE}.union(*(workload.requests for workload in (*workloads, *scaling_workloads)))
    if POSTGRAPHILE in needed and (reason := postgraphile.install()):
        _print_progress(f"PostGraphile is skipped: {reason}")
        needed.remove(POSTGRAPHILE)
    with _database(folder) as database, all_servers(needed, database, folder) as servers:
        _print_progress("The database is loaded, and the servers are running.")
        runner = BenchmarkRunner(servers, database.postmaster, folder)
        return report.Measurements(
            options=run_options,
            environment=list(environment_info.describe(database.owner)),
            samples=runner.run(workloads, run_options, _print_progress),
            scaling=runner.run(scaling_workloads, scaling_options, _print_progress) if scaling_workloads else {},
            readings=[]
            if options.skip_memory
            else memory_growth.measure_growth(servers[SERVICE], folder, options.memory_requests, _print_progress),
            # Measured last: keyword arguments are evaluated in this order.
            peaks={name: server.peak_memory() for name, server in servers.items()},
        )


@contextmanager
def _database(folder: Path) -> Iterator[Database]:
    with embedded_postgres(folder) as (owner, service):
        migrate(owner)
        dataset.load(owner)
        pid = (folder / "postgres" / "postmaster.pid").read_text().split()[0]
        yield Database(owner, service, psutil.Process(int(pid)))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the service and its baselines.")
    parser.add_argument("--rounds", type=int, default=5, help="number of measurements of each workload and server")
    parser.add_argument("--seconds", type=int, default=4, help="duration of each measurement")
    parser.add_argument(
        "--connections", type=_comma_separated(int), default=(1, 8, 16), metavar="N,…", help="concurrent connections"
    )
    names = ", ".join(workload.name for workload in WORKLOADS)
    parser.add_argument(
        "--only",
        type=_comma_separated(str),
        default=(),
        metavar="NAME,…",
        help=f"run only these workloads, skip growth and memory; available: {names}",
    )
    parser.add_argument("--skip-growth", action="store_true", help="skip the measurements by number of tasks per list")
    parser.add_argument("--skip-memory", action="store_true", help="skip the memory measurement over distinct documents")
    parser.add_argument("--memory-requests", type=int, default=100_000, metavar="N", help="distinct documents that are sent")
    options = parser.parse_args(arguments)
    if unknown := set(options.only).difference(workload.name for workload in WORKLOADS):
        parser.error(f"unknown workload: {', '.join(sorted(unknown))}; available: {names}")
    if options.only:
        options.skip_growth = options.skip_memory = True
    return options


def _comma_separated(kind: Callable[[str], Value]) -> Callable[[str], tuple[Value, ...]]:
    return lambda text: tuple(kind(part) for part in text.split(","))


def _print_progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """Exit through the context managers, which stop the servers and PostgreSQL and delete the folder."""
    raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main())
