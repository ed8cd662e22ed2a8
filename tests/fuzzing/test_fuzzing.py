"""Whatever is sent, the answer is a declared one and holds nobody else's rows: a short game, the same every time.

`make fuzz` plays a long one, from another seed each time.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fuzzing.fuzzers import GAMES
from tests.fuzzing.requests.graphql_requests import fuzz_operations
from tests.fuzzing.requests.http_requests import fuzz_requests
from tests.fuzzing.requests.query_parameters import fuzz_queries
from tests.fuzzing.runner import Fuzzer, play
from tests.fuzzing.schemathesis.runner import ALL_PHASES, Extent, Report, run_graphql, run_rest
from tests.fuzzing.target import Target, standing
from tests.support.service import PostgresServer

SEED = 20261121
EXAMPLES = 50


@pytest.fixture(scope="module")
def target(postgres: PostgresServer) -> Iterator[Target]:
    """A service with two people's data in it."""
    with standing(postgres.copy("template_todo")) as target:
        yield target


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.__name__.removeprefix("fuzz_"))
def test_fuzzers_find_no_failures(target: Target, game: Fuzzer) -> None:
    play(game, target, from_seed=SEED, examples=EXAMPLES)

    assert target.statuses.total() >= EXAMPLES


@pytest.mark.parametrize("game", [fuzz_requests, fuzz_queries, fuzz_operations], ids=lambda game: game.__name__)
def test_rate_limited_requests_return_declared_errors(postgres: PostgresServer, game: Fuzzer) -> None:
    with standing(postgres.copy("template_todo"), rate_limit_requests="20/minute") as target:
        play(game, target, from_seed=SEED, examples=EXAMPLES)

    assert target.statuses[429] > 0


@pytest.mark.parametrize(("run", "phases"), [(run_rest, set(ALL_PHASES.split(","))), (run_graphql, {"fuzzing"})])
def test_schemathesis_finds_no_failures(
    target: Target, tmp_path: Path, run: Callable[[str, Path, Extent], Report], phases: set[str]
) -> None:
    report = run(target.service.url, tmp_path, Extent(SEED, examples=3))

    assert report.failures == 0, report.story
    assert set(report.cases) == phases
