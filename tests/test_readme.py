"""The README's examples work as printed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Service

README = (Path(__file__).parent.parent / "README.md").read_text()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are curl commands, and this machine has no curl")
def test_the_examples_work_as_printed(service: Service) -> None:
    chapter = README.split("## Try it")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL)
    script = "set -e\n" + "\necho\n".join(blocks).replace("\n\n", "\necho\n").replace("http://127.0.0.1:8000", service.url)

    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)  # noqa: S607
    answers = [line for line in done.stdout.splitlines() if line]

    assert len(answers) == 6
    assert '"title":"Buy milk"' in answers[0]
    assert '"subtasks":[]' in answers[1]
    assert '"createTask":{"task":{"id":' in answers[2]
    assert '"totalCount":2' in answers[3]
    assert '"extensions":{"cost":{"requested":' in answers[4]
    assert answers[5].startswith('[{"id":')
    assert "errors" not in done.stdout
