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

from bench import data, graphile, growth, machine, memory, report
from bench.contest import Contest, Effort
from bench.load import WRK, LoadError
from bench.servers import OURS, POSTGRAPHILE, Database, ServerFailedError, all_servers
from bench.workloads import WORKLOADS
from models.embedded import EmbeddedMissingError, embedded_postgres
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


def _measure(options: argparse.Namespace, folder: Path) -> report.Findings:
    effort = Effort(options.rounds, options.seconds, options.connections)
    alone = Effort(options.rounds, options.seconds, (1,))
    workloads = [workload for workload in WORKLOADS if not options.only or workload.name in options.only]
    growing = [] if options.skip_growth else [*growth.PAGES.values(), *growth.WHOLE.values()]
    needed = {OURS}.union(*(workload.asks for workload in (*workloads, *growing)))
    if POSTGRAPHILE in needed and (obstacle := graphile.install()):
        _tell(f"PostGraphile is left out: {obstacle}")
        needed.remove(POSTGRAPHILE)
    with _database(folder) as database, all_servers(needed, database, folder) as servers:
        _tell("The database is loaded, the servers run.")
        contest = Contest(servers, database.postmaster, folder)
        return report.Findings(
            effort=effort,
            machine=list(machine.facts(database.owner)),
            contest=contest.run(workloads, effort, _tell),
            growth=contest.run(growing, alone, _tell) if growing else {},
            readings=[] if options.skip_memory else memory.watch(servers[OURS], folder, options.memory_requests, _tell),
            # Taken last: keyword arguments are evaluated in this order.
            peaks={name: server.peak_memory() for name, server in servers.items()},
        )


@contextmanager
def _database(folder: Path) -> Iterator[Database]:
    with embedded_postgres(folder) as (owner, service):
        migrate(owner)
        data.load(owner)
        pid = (folder / "postgres" / "postmaster.pid").read_text().split()[0]
        yield Database(owner, service, psutil.Process(int(pid)))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the service against its baselines.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement")
    parser.add_argument("--connections", type=_several(int), default=(1, 8, 16), metavar="N,…")
    names = ", ".join(workload.name for workload in WORKLOADS)
    parser.add_argument("--only", type=_several(str), default=(), metavar="NAME,…", help=f"these and nothing else, of {names}")
    parser.add_argument("--skip-growth", action="store_true")
    parser.add_argument("--skip-memory", action="store_true")
    parser.add_argument("--memory-requests", type=int, default=100_000, metavar="N")
    options = parser.parse_args(arguments)
    if unknown := set(options.only).difference(workload.name for workload in WORKLOADS):
        parser.error(f"no such workload: {', '.join(sorted(unknown))}; there are {names}")
    if options.only:
        options.skip_growth = options.skip_memory = True
    return options


def _several(kind: Callable[[str], Value]) -> Callable[[str], tuple[Value, ...]]:
    return lambda text: tuple(kind(part) for part in text.split(","))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End in order, so that the servers, PostgreSQL and the folder go away too."""
    raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main())
