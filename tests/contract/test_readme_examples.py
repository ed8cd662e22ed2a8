"""The README's commands print the documented output."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.service import RunningService
from tests.support.users import TestUser

README = (Path(__file__).parents[2] / "README.md").read_text()

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are curl commands, and there is no curl")


def blocks(chapter: str) -> list[str]:
    """Return the shell commands of a chapter."""
    return re.findall(r"```sh\n(.*?)```", README.split(f"## {chapter}\n")[1].split("\n## ")[0], re.DOTALL)


def typed(commands: str, service: RunningService) -> list[str]:
    """Run the commands, and return the lines that they print."""
    script = "set -e\n" + commands.replace("\n\n", "\necho\n").replace("http://127.0.0.1:8000", service.url)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)  # noqa: S607
    return [line for line in done.stdout.splitlines() if line]


def test_readme_first_requests_print_the_documented_output(service: RunningService) -> None:
    answers = typed("\n\n".join(blocks("Try it")), service)

    assert len(answers) == 6
    assert '"title":"Buy milk"' in answers[0]
    assert '"subtasks":[]' in answers[1]
    assert '"createTask":{"task":{"id":' in answers[2]
    assert '"totalCount":2' in answers[3]
    assert '"extensions":{"cost":{"requested":' in answers[4]
    assert answers[5].startswith('[{"id":')
    assert "errors" not in "".join(answers)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="the example hashes with sha256sum, which is not there")
def test_readme_persisted_document_commands_print_the_documented_output(service: RunningService, user: TestUser) -> None:
    answers = typed(f"TOKEN={user.token}\n{blocks('GraphQL over HTTP')[0]}", service)

    assert len(answers) == 3
    assert "PersistedQueryNotFound" in answers[0]
    assert answers[1].startswith('{"data":{"viewer":{"email":')
    assert answers[2] == answers[1]
