"""Files that appear complete or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp

from models.backup.errors import BackupError


@contextmanager
def atomic_file(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary file that only this user can read; it becomes the target if the block ends without an error.

    The temporary file is in the folder of the target. Raises BackupError if the target exists, unless it may be overwritten.
    """
    try:
        _check_absent(target, overwrite=overwrite)
        descriptor, name = mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")  # mode 0600
        os.close(descriptor)
        temporary = Path(name)
        try:
            yield temporary
            _sync(temporary)
            _check_absent(target, overwrite=overwrite)
            temporary.replace(target)
            _sync(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise BackupError(f"cannot write {target}: {error.strerror}") from error


def _check_absent(target: Path, *, overwrite: bool) -> None:
    if target.is_dir():
        raise BackupError(f"{target} is a folder: name a file")
    if not overwrite and target.exists():
        raise BackupError(f"{target} exists: choose another name, or overwrite it with --force")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
