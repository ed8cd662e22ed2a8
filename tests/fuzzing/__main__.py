"""Long fuzzing session: `make fuzz`, `make fuzz MINUTES=60`, `python -m tests.fuzzing --seed 7 --only fuzz_tokens`."""

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from models.embedded_postgres import embedded_postgres
from models.migrate import migrate
from tests.fuzzing.fuzzers import FUZZERS
from tests.fuzzing.runner import Fuzzer, run_fuzzer
from tests.fuzzing.schemathesis.runner import Report, RunOptions, run_graphql, run_rest
from tests.fuzzing.target import Target, run_target
from tests.support.service import PostgresServer

EXAMPLES_PER_ROUND = 60  # before the next fuzzer runs


@dataclass
class FuzzerResult:
    """Result of one fuzzer: the number of requests by status, and the failures."""

    name: str
    requests: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ", ".join(f"{kind} {number}" for kind, number in sorted(self.requests.items()))
        return f"{self.name:<24} {self.requests.total():>8} requests, {len(self.failures)} failures   ({counts})"


def main() -> int:
    """Run all fuzzers for some minutes, print the results, and return the exit status."""
    options = _options()
    print(f"seed {options.seed}, {options.minutes} minutes", flush=True)
    fuzzers = [fuzzer for fuzzer in FUZZERS if options.only in {None, fuzzer.__name__}]
    seconds = max(30, int(options.minutes * 60))
    with (
        tempfile.TemporaryDirectory() as folder,
        _migrated_database(Path(folder)) as database,
        run_target(database) as target,
        ThreadPoolExecutor(1) as pool,
    ):
        schemathesis_seconds = seconds if options.only is None else 0
        schemathesis = pool.submit(_run_schemathesis, target.service.url, Path(folder), options.seed, schemathesis_seconds)
        results = _run_fuzzers(fuzzers, target, options.seed, time.monotonic() + seconds) + schemathesis.result()
    for output in [output for result in results for output in result.failures]:
        print(output, end="\n\n")
    print(*results, sep="\n")
    print(f"seed {options.seed}: {sum(result.requests.total() for result in results)} requests")
    return int(any(result.failures for result in results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description="Fuzz the service for a long time.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--only", choices=[fuzzer.__name__ for fuzzer in FUZZERS], help="run this fuzzer only, no schemathesis")
    return parser.parse_args()


@contextmanager
def _migrated_database(folder: Path) -> Iterator[PostgresServer]:
    """Run PostgreSQL with a migrated database."""
    with embedded_postgres(folder / "postgres") as urls:
        database = PostgresServer(*urls)
        migrate(database.owner)
        yield database


def _run_fuzzers(fuzzers: Sequence[Fuzzer], target: Target, seed: int, end: float) -> list[FuzzerResult]:
    """Run the fuzzers in turn until the time is over; a fuzzer that failed does not run again."""
    results = {fuzzer: FuzzerResult(fuzzer.__name__) for fuzzer in fuzzers}
    active = list(fuzzers)
    while active and time.monotonic() < end:
        for fuzzer in tuple(active):
            seed += 1
            before = target.statuses.copy()
            try:
                run_fuzzer(fuzzer, target, from_seed=seed, examples=EXAMPLES_PER_ROUND)
            except Exception:  # noqa: BLE001 - every exception is a failure that fuzzing found
                results[fuzzer].failures.append(traceback.format_exc())
                active.remove(fuzzer)
            results[fuzzer].requests.update({str(status): number for status, number in (target.statuses - before).items()})
            if time.monotonic() > end:
                break
    return list(results.values())


def _run_schemathesis(url: str, folder: Path, seed: int, seconds: int) -> list[FuzzerResult]:
    """Run schemathesis, nine tenths of the time against the REST API and one tenth against the GraphQL API."""
    if not seconds:
        return []
    rest = run_rest(url, folder / "rest", RunOptions(seed, 50, seconds * 9 // 10))
    graphql = run_graphql(url, folder / "graphql", RunOptions(seed, 50, seconds // 10))
    return [_result("schemathesis, REST", rest), _result("schemathesis, GraphQL", graphql)]


def _result(name: str, report: Report) -> FuzzerResult:
    return FuzzerResult(name, Counter(report.cases), [report.output] if report.failures else [])


if __name__ == "__main__":
    sys.exit(main())
