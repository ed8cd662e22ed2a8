"""The README's commands print the documented output."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.service import RunningService
from tests.support.users import TestUser

README = (Path(__file__).parents[2] / "README.md").read_text()

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def commands_of(heading: str) -> list[str]:
    """Return the shell commands of a chapter."""
    return re.findall(r"```sh\n(.*?)```", README.split(f"## {heading}\n")[1].split("\n## ")[0], re.DOTALL)


def run_commands(commands: str, service: RunningService) -> list[str]:
    """Run the commands, and return the lines that they print."""
    script = "set -e\n" + commands.replace("\n\n", "\necho\n").replace("http://127.0.0.1:8000", service.url)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)  # noqa: S607
    return [line for line in done.stdout.splitlines() if line]


def test_readme_first_requests_print_the_documented_output(service: RunningService) -> None:
    lines = run_commands("\n\n".join(commands_of("Try it")), service)

    assert len(lines) == 6
    assert '"title":"Buy milk"' in lines[0]
    assert '"subtasks":[]' in lines[1]
    assert '"createTask":{"task":{"id":' in lines[2]
    assert '"totalCount":2' in lines[3]
    assert '"extensions":{"cost":{"requested":' in lines[4]
    assert lines[5].startswith('[{"id":')
    assert "errors" not in "".join(lines)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_readme_persisted_document_commands_print_the_documented_output(service: RunningService, user: TestUser) -> None:
    lines = run_commands(f"TOKEN={user.token}\n{commands_of('GraphQL over HTTP')[0]}", service)

    assert len(lines) == 3
    assert "PersistedQueryNotFound" in lines[0]
    assert lines[1].startswith('{"data":{"viewer":{"email":')
    assert lines[2] == lines[1]
