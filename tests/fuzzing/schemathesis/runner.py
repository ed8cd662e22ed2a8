"""Schemathesis runs in a subprocess, which isolates its hooks and warnings."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fuzzing.schemathesis.environment import OWNER, REQUEST_COUNTS_FILE, SEED, TARGET
from tests.support.users import TestUser

ROOT = Path(__file__).parents[3]
ALL_PHASES = "examples,coverage,fuzzing,stateful"

# All failures are reported, and no state is kept between runs.
_CONFIG = """
continue-on-failure = true
cache = {{ enabled = false }}
warnings = false
hooks = "{hooks}"

[generation]
database = "none"
# The check ignored_auth removes and forges tokens; if this were true, most invalid requests would be about tokens only.
with-security-parameters = false

[checks.negative_data_rejection]
# All statuses of rejections. By default schemathesis accepts 5xx, but neither 413 nor 431, which large requests may get.
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429, 431]

[auth.wfc]
path = "{users}"
user = "ada"
peers = ["ada", "eve"]
"""


@dataclass(frozen=True)
class Report:
    """Result of a run: requests per phase, failures, and the output."""

    cases: Mapping[str, int]
    failures: int
    output: str


@dataclass(frozen=True)
class RunOptions:
    """Number of examples per operation; with `seconds`, repeated with new examples until the time is over."""

    seed: int
    examples: int
    seconds: int | None = None


def run_rest(url: str, folder: Path, options: RunOptions) -> Report:
    """Run all checks in all phases against the served OpenAPI document."""
    return _run(url, "/openapi.json", "tests.fuzzing.schemathesis.rest_hooks", folder, options)


def run_graphql(url: str, folder: Path, options: RunOptions) -> Report:
    """Run all checks against the introspected GraphQL schema, in the phases that schemathesis supports for GraphQL."""
    return _run(url, "/graphql", "tests.fuzzing.schemathesis.graphql_hooks", folder, options)


def _run(url: str, path: str, hooks: str, folder: Path, options: RunOptions) -> Report:
    folder.mkdir(parents=True, exist_ok=True)
    users = {name: TestUser.register(url) for name in ("ada", "eve")}
    (folder / "users.json").write_text(json.dumps({"auth": [_entry(name, user) for name, user in users.items()]}))
    (folder / "schemathesis.toml").write_text(_CONFIG.format(hooks=hooks, users=folder / "users.json"))
    command = [sys.executable, "-m", "schemathesis.cli", "run", url + path, "--no-color", "--checks", "all"]
    command += ["--phases", ALL_PHASES]
    command += ["--seed", str(options.seed), "--max-examples", str(options.examples)]
    command += ["--max-time", str(options.seconds)] if options.seconds else []
    environment = {
        "PYTHONPATH": str(ROOT),
        TARGET: url,
        OWNER: users["ada"].id,
        SEED: str(options.seed),
        REQUEST_COUNTS_FILE: str(folder / "request_counts.json"),
    }
    finished = subprocess.run(
        [*command, "--report", "json", "--report-json-path", "report.json"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return _report(folder, finished)


def _entry(name: str, user: TestUser) -> dict[str, Any]:
    return {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {user.token}"}]}


def _report(folder: Path, finished: subprocess.CompletedProcess[str]) -> Report:
    output = finished.stdout + finished.stderr
    if not (folder / "report.json").exists():
        return Report({}, 1, output)
    report = json.loads((folder / "report.json").read_text())
    failures = len(report["failures"]) + len(report["errors"])
    # A non-zero exit status without failures means that the run was aborted or tested nothing.
    return Report(json.loads((folder / "request_counts.json").read_text()), failures or int(finished.returncode != 0), output)
