"""Node scripts with pinned npm packages, for tests against other implementations."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_SECONDS = 300


def run_node(script: Path, *arguments: str) -> Any:
    """Run a script in a folder of pinned packages, and return the JSON that it prints."""
    _install(script.parent)
    done = subprocess.run(["node", script, *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S607
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _install(folder: Path) -> None:
    """Install the pinned packages unless present. If that fails, skip the test; in CI, fail it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _give_up("node and npm are not installed")
    installed = folder / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= (folder / "package-lock.json").stat().st_mtime:
        return
    done = subprocess.run(["npm", "ci"], cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S607
    if done.returncode:
        _give_up(f"npm ci failed: {done.stderr.strip()[-500:]}")


def _give_up(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
