"""Runs schemathesis against a service that listens, in a process of its own, so that its hooks and warnings stay there."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fuzzing.schemathesis.environment import CENSUS, OWNER, SEED, TARGET
from tests.support.users import TestUser

ROOT = Path(__file__).parents[3]
ALL_PHASES = "examples,coverage,fuzzing,stateful"

# Every failure counts, not only the first of each kind, and nothing is left behind or remembered from the last time.
_CONFIG = """
continue-on-failure = true
cache = {{ enabled = false }}
warnings = false
hooks = "{hooks}"

[generation]
database = "none"
# Taking the token away and forging it is what the check ignored_auth does; else this would be most of what is invalid.
with-security-parameters = false

[checks.negative_data_rejection]
# All that says no. Schemathesis does not expect 413 and 431, which too much of anything may meet, but would put up with 5xx.
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429, 431]

[auth.wfc]
path = "{people}"
user = "ada"
peers = ["ada", "eve"]
"""


@dataclass(frozen=True)
class Report:
    """What came of a run: how many requests each phase sent, and the whole story if something failed."""

    cases: Mapping[str, int]
    failures: int
    story: str


@dataclass(frozen=True)
class Extent:
    """How much to play: so many examples of each operation, and again with others until the time is over, if there is one."""

    seed: int
    examples: int
    seconds: int | None = None


def run_rest(url: str, folder: Path, extent: Extent) -> Report:
    """Play against the OpenAPI document that the service shows, with all checks and in all phases."""
    return _run(url, "/openapi.json", "tests.fuzzing.schemathesis.rest_hooks", folder, extent)


def run_graphql(url: str, folder: Path, extent: Extent) -> Report:
    """Play against the GraphQL schema that introspection shows; its phases are those that schemathesis has for GraphQL."""
    return _run(url, "/graphql", "tests.fuzzing.schemathesis.graphql_hooks", folder, extent)


def _run(url: str, place: str, hooks: str, folder: Path, extent: Extent) -> Report:
    folder.mkdir(parents=True, exist_ok=True)
    people = {name: TestUser.register(url) for name in ("ada", "eve")}
    (folder / "people.json").write_text(json.dumps({"auth": [_entry(name, user) for name, user in people.items()]}))
    (folder / "schemathesis.toml").write_text(_CONFIG.format(hooks=hooks, people=folder / "people.json"))
    command = [sys.executable, "-m", "schemathesis.cli", "run", url + place, "--no-color", "--checks", "all"]
    command += ["--phases", ALL_PHASES]
    command += ["--seed", str(extent.seed), "--max-examples", str(extent.examples)]
    command += ["--max-time", str(extent.seconds)] if extent.seconds else []
    given = {
        "PYTHONPATH": str(ROOT),
        TARGET: url,
        OWNER: people["ada"].id,
        SEED: str(extent.seed),
        CENSUS: str(folder / "census.json"),
    }
    played = subprocess.run(
        [*command, "--report", "json", "--report-json-path", "report.json"],
        cwd=folder,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=False,
    )
    return _report(folder, played)


def _entry(name: str, user: TestUser) -> dict[str, Any]:
    return {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {user.token}"}]}


def _report(folder: Path, played: subprocess.CompletedProcess[str]) -> Report:
    story = played.stdout + played.stderr
    if not (folder / "report.json").exists():
        return Report({}, 1, story)
    told = json.loads((folder / "report.json").read_text())
    failures = len(told["failures"]) + len(told["errors"])
    # An exit status that no failure explains is one: a run that was cut short, or tested nothing.
    return Report(json.loads((folder / "census.json").read_text()), failures or int(played.returncode != 0), story)
