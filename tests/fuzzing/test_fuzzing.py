"""Short fuzzing session with a fixed seed; `make fuzz` runs a long one with a random seed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fuzzing.fuzzers import FUZZERS
from tests.fuzzing.requests.graphql_requests import fuzz_operations
from tests.fuzzing.requests.http_requests import fuzz_requests
from tests.fuzzing.requests.query_parameters import fuzz_queries
from tests.fuzzing.runner import Fuzzer, run_fuzzer
from tests.fuzzing.schemathesis.runner import ALL_PHASES, Report, RunOptions, run_graphql, run_rest
from tests.fuzzing.target import Target, run_target
from tests.support.service import PostgresServer

SEED = 20261121
EXAMPLES = 50


@pytest.fixture(scope="module")
def target(postgres: PostgresServer) -> Iterator[Target]:
    """A service with the data of two users."""
    with run_target(postgres.copy("template_todo")) as target:
        yield target


@pytest.mark.parametrize("fuzzer", FUZZERS, ids=lambda fuzzer: fuzzer.__name__.removeprefix("fuzz_"))
def test_fuzzers_find_no_failures(target: Target, fuzzer: Fuzzer) -> None:
    run_fuzzer(fuzzer, target, from_seed=SEED, examples=EXAMPLES)

    assert target.statuses.total() >= EXAMPLES


@pytest.mark.parametrize("fuzzer", [fuzz_requests, fuzz_queries, fuzz_operations], ids=lambda fuzzer: fuzzer.__name__)
def test_rate_limited_requests_return_declared_errors(postgres: PostgresServer, fuzzer: Fuzzer) -> None:
    with run_target(postgres.copy("template_todo"), rate_limit_requests="20/minute") as target:
        run_fuzzer(fuzzer, target, from_seed=SEED, examples=EXAMPLES)

    assert target.statuses[429] > 0


@pytest.mark.parametrize(("run", "phases"), [(run_rest, set(ALL_PHASES.split(","))), (run_graphql, {"fuzzing"})])
def test_schemathesis_finds_no_failures(
    target: Target, tmp_path: Path, run: Callable[[str, Path, RunOptions], Report], phases: set[str]
) -> None:
    report = run(target.service.url, tmp_path, RunOptions(SEED, examples=3))

    assert report.failures == 0, report.output
    assert set(report.cases) == phases
