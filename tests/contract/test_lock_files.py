"""Lock files with hashes, and the audit of their packages."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = {"": ROOT / "requirements.lock"} | {extra: ROOT / f"requirements-{extra}.lock" for extra in EXTRAS if extra != "redis"}
AUDIT = ROOT / ".ci" / "audit.py"
_PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)(?: ; .*)? \\$")
_HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def normalized(requirement: str) -> str:
    """Return the normalized name of a requirement such as `uvicorn[standard]>=0.54`."""
    name = re.match(r"[\w.-]+", requirement)
    assert name
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def pins(path: Path) -> dict[str, str]:
    """Return the versions in a lock file by name."""
    return {normalized(match[1]): match[2] for line in path.read_text().splitlines() if (match := _PIN.match(line))}


@pytest.mark.parametrize("path", LOCKS.values(), ids=lambda path: path.name)
def test_lock_file_holds_pins_with_hashes_and_no_addresses(path: Path) -> None:
    previous = ""
    for line in path.read_text().splitlines():
        if not line.startswith("#") and line:
            assert _PIN.match(line) or _HASH.match(line), line
            assert not (_PIN.match(line) and _PIN.match(previous)), f"{previous} has no hash"
        previous = line
    assert _HASH.match(previous)


@pytest.mark.parametrize("extra", LOCKS)
def test_lock_file_contains_the_requirements_of_its_extra(extra: str) -> None:
    required = EXTRAS[extra] if extra else [*PROJECT["dependencies"], *EXTRAS["redis"], "setuptools"]

    assert {normalized(requirement) for requirement in required} <= pins(LOCKS[extra]).keys()


def test_a_package_has_the_same_version_in_all_lock_files() -> None:
    versions: dict[str, set[str]] = {}
    for path in LOCKS.values():
        for name, version in pins(path).items():
            versions.setdefault(name, set()).add(version)

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


AUDITED = {"name": "httpx", "version": "0.28.1", "vulns": []}
SKIPPED = {"name": "anyio", "skip_reason": "Dependency not found on PyPI and could not be audited: anyio (4.16.0)"}
VULNERABLE = {"name": "h11", "version": "0.1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["0.16.0"]}]}


@pytest.mark.parametrize(
    ("packages", "errors", "status", "message"),
    [
        ([AUDITED], "", 0, "1 packages audited, 0 with known vulnerabilities"),
        ([AUDITED, SKIPPED], "", 0, "NOT AUDITED: 1 of 2 packages (anyio)"),
        ([SKIPPED], "", 0, "NOT AUDITED: 1 of 1 packages (no package was found in its service)"),
        ([AUDITED, SKIPPED, VULNERABLE], "", 1, "h11 0.1: PYSEC-1, fixed in 0.16.0"),
        (None, "ConnectionError: Could not connect", 0, "NOT AUDITED: its service cannot be reached: ConnectionError: "),
        (None, "ERROR: invalid requirement", 1, "NOT AUDITED: it failed: ERROR: invalid requirement"),
    ],
)
def test_audit_fails_for_vulnerabilities_and_says_what_was_not_audited(
    tmp_path: Path, packages: list[object] | None, errors: str, status: int, message: str
) -> None:
    output = "" if packages is None else json.dumps({"dependencies": packages, "fixes": []})
    program = tmp_path / "pip-audit"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint({output!r})\nsys.exit({errors!r} or 1)\n")
    program.chmod(0o755)

    result = subprocess.run([sys.executable, AUDIT, program, "a.lock"], capture_output=True, text=True, check=False)
    assert result.returncode == status
    assert message in result.stdout
