"""Runs the benchmark: `python -m bench --help`."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench import data, load
from bench.contest import Contest
from bench.servers import Database, all_servers
from bench.workloads import WORKLOADS
from models.embedded import embedded_postgres
from models.migrate import migrate


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it all."""
    options = _options(arguments)
    with TemporaryDirectory(prefix="todo-bench-") as name, _database(Path(name)) as database:
        print("loaded", flush=True)
        workloads = [w for w in WORKLOADS if w.name in options.only or not options.only]
        with all_servers({"ours", "usual", "idiomatic", "by hand"}, database, Path(name)) as servers:
            contest = Contest(servers, database.postmaster, Path(name))
            for w in workloads:
                contest.prepare(w)
                print("prepared", w.name, flush=True)
            s = contest.rounds(
                workloads, rounds=options.rounds, connections=options.connections, seconds=options.seconds, tell=print
            )
            from bench.contest import typical, ratio

            for case, by in s.items():
                for n, ss in by.items():
                    print(case, n, typical(ss), ratio(by["ours"], ss, lambda x: x.rate))
            for x in servers.values():
                print(x.name, x.peak_memory())
    return 0


@contextmanager
def _database(folder: Path) -> Iterator[Database]:
    with embedded_postgres(folder) as (owner, service):
        migrate(owner)
        data.load(owner)
        pid = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
        yield Database(owner, service, psutil.Process(pid))


def _options(arguments):
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=int, default=4)
    p.add_argument("--connections", type=lambda t: [int(x) for x in t.split(",")], default=[1, 8, 16])
    p.add_argument("--only", type=lambda t: t.split(","), default=[])
    return p.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
