"""The long game: `make fuzz`, `make fuzz MINUTES=60`, `python -m tests.fuzzing --seed 7 --only fuzz_tokens`."""

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

from models.embedded import embedded_postgres
from models.migrate import migrate
from tests.fuzzing.fuzzers import GAMES
from tests.fuzzing.runner import Fuzzer, play
from tests.fuzzing.schemathesis.runner import Extent, Report, run_graphql, run_rest
from tests.fuzzing.target import Target, standing
from tests.support.service import PostgresServer

ROUND = 60  # examples of one game before it is the next one's turn


@dataclass
class Score:
    """What came of a game: how many requests it sent, how they were answered, and the stories of what failed."""

    name: str
    requests: Counter[str] = field(default_factory=Counter)
    stories: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        how = ", ".join(f"{kind} {number}" for kind, number in sorted(self.requests.items()))
        return f"{self.name:<24} {self.requests.total():>8} requests, {len(self.stories)} failures   ({how})"


def main() -> int:
    """Play for a while; print what came of it; return the exit status."""
    options = _options()
    print(f"seed {options.seed}, {options.minutes} minutes", flush=True)
    games = [game for game in GAMES if options.only in {None, game.__name__}]
    seconds = max(30, int(options.minutes * 60))
    with (
        tempfile.TemporaryDirectory() as folder,
        _fresh(Path(folder)) as database,
        standing(database) as target,
        ThreadPoolExecutor(1) as beside,
    ):
        time_beside = seconds if options.only is None else 0
        tool = beside.submit(_schemathesis, target.service.url, Path(folder), options.seed, time_beside)
        scores = _play(games, target, options.seed, time.monotonic() + seconds) + tool.result()
    for story in [story for score in scores for story in score.stories]:
        print(story, end="\n\n")
    print(*scores, sep="\n")
    print(f"seed {options.seed}: {sum(score.requests.total() for score in scores)} requests")
    return int(any(score.stories for score in scores))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description="Play against the service, for long.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--only", choices=[game.__name__ for game in GAMES], help="one game, and no schemathesis")
    return parser.parse_args()


@contextmanager
def _fresh(folder: Path) -> Iterator[PostgresServer]:
    """Run PostgreSQL with a migrated database."""
    with embedded_postgres(folder / "postgres") as urls:
        database = PostgresServer(*urls)
        migrate(database.owner)
        yield database


def _play(games: Sequence[Fuzzer], target: Target, seed: int, end: float) -> list[Score]:
    """Play the games in turns until the time is over; what failed once is not played again."""
    scores = {game: Score(game.__name__) for game in games}
    playing = list(games)
    while playing and time.monotonic() < end:
        for game in tuple(playing):
            seed += 1
            before = target.statuses.copy()
            try:
                play(game, target, from_seed=seed, examples=ROUND)
            except Exception:  # noqa: BLE001 - whatever it is, it is a finding
                scores[game].stories.append(traceback.format_exc())
                playing.remove(game)
            scores[game].requests.update({str(status): number for status, number in (target.statuses - before).items()})
            if time.monotonic() > end:
                break
    return list(scores.values())


def _schemathesis(url: str, folder: Path, seed: int, seconds: int) -> list[Score]:
    """Let schemathesis play meanwhile, if there is time for it: nine tenths of it at the REST door."""
    if not seconds:
        return []
    rest = run_rest(url, folder / "rest", Extent(seed, 50, seconds * 9 // 10))
    graphql = run_graphql(url, folder / "graphql", Extent(seed, 50, seconds // 10))
    return [_score("schemathesis, REST", rest), _score("schemathesis, GraphQL", graphql)]


def _score(name: str, report: Report) -> Score:
    return Score(name, Counter(report.cases), [report.story] if report.failures else [])


if __name__ == "__main__":
    sys.exit(main())
