"""Runs the benchmark: `python -m bench --help`."""

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
from models.embedded_postgres import EmbeddedMissingError, embedded_postgres
from models.migrate import migrate

Value = TypeVar("Value", int, str)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write bench/RESULTS.md if everything was measured. Whatever goes wrong leaves nothing running."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _stop)
    if WRK is None:
        print("bench: wrk is missing: apt-get install wrk", file=sys.stderr)
        return 1
    try:
        with TemporaryDirectory(prefix="todo-bench-") as folder:
            findings = _measure(options, Path(folder))
    except (LoadError, ServerFailedError, EmbeddedMissingError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    text = report.render(findings)
    print(text)
    if options.skip_growth or options.skip_memory:
        print("Not everything was measured, so bench/RESULTS.md stays as it is.")
    else:
        report.write(text)
    return 0


def _measure(options: argparse.Namespace, folder: Path) -> report.Measurements:
    effort = RunOptions(options.rounds, options.seconds, options.connections)
    alone = RunOptions(options.rounds, options.seconds, (1,))
    workloads = [workload for workload in WORKLOADS if not options.only or workload.name in options.only]
    growing = [] if options.skip_growth else [*scaling.NESTED_PAGES.values(), *scaling.WHOLE_LISTS.values()]
    needed = {SERVICE}.union(*(workload.requests for workload in (*workloads, *growing)))
    if POSTGRAPHILE in needed and (obstacle := postgraphile.install()):
        _print_progress(f"PostGraphile is left out: {obstacle}")
        needed.remove(POSTGRAPHILE)
    with _database(folder) as database, all_servers(needed, database, folder) as servers:
        _print_progress("The database is loaded, the servers run.")
        contest = BenchmarkRunner(servers, database.postmaster, folder)
        return report.Measurements(
            options=effort,
            environment=list(environment_info.describe(database.owner)),
            samples=contest.run(workloads, effort, _print_progress),
            scaling=contest.run(growing, alone, _print_progress) if growing else {},
            readings=[]
            if options.skip_memory
            else memory_growth.measure_growth(servers[SERVICE], folder, options.memory_requests, _print_progress),
            # Taken last: keyword arguments are evaluated in this order.
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
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the service against its baselines.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement")
    parser.add_argument("--connections", type=_comma_separated(int), default=(1, 8, 16), metavar="N,…")
    names = ", ".join(workload.name for workload in WORKLOADS)
    parser.add_argument(
        "--only", type=_comma_separated(str), default=(), metavar="NAME,…", help=f"these and nothing else, of {names}"
    )
    parser.add_argument("--skip-growth", action="store_true")
    parser.add_argument("--skip-memory", action="store_true")
    parser.add_argument("--memory-requests", type=int, default=100_000, metavar="N")
    options = parser.parse_args(arguments)
    if unknown := set(options.only).difference(workload.name for workload in WORKLOADS):
        parser.error(f"no such workload: {', '.join(sorted(unknown))}; there are {names}")
    if options.only:
        options.skip_growth = options.skip_memory = True
    return options


def _comma_separated(kind: Callable[[str], Value]) -> Callable[[str], tuple[Value, ...]]:
    return lambda text: tuple(kind(part) for part in text.split(","))


def _print_progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End in order, so that the servers, PostgreSQL and the folder go away too."""
    raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main())
