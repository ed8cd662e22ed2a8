"""Folder of the Unix socket, which no other user may enter: a client that reaches the socket is a superuser."""

import os
import re
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

from models.postgres_process.errors import EmbeddedPostgresError
from models.postgres_process.system_user import SystemUser

# An address of a Unix socket has at most 103 characters on macOS. Commas and quotes would separate addresses.
_USABLE_PATH = re.compile(r"[A-Za-z0-9_./+~-]{1,85}")
_MAX_CANDIDATES = 10


def private_socket_folder(data: Path, user: SystemUser) -> Path:
    """Return the folder for the socket: the data folder, or one for temporary files if that path is unusable.

    PostgreSQL itself requires that no other user may enter the data folder. Raises EmbeddedPostgresError.
    """
    if _USABLE_PATH.fullmatch(str(data)):
        return data
    digest = sha256(os.fsencode(data)).hexdigest()[:16]
    for number in range(_MAX_CANDIDATES):
        folder = Path(tempfile.gettempdir(), f"todo-{digest}-{number}")
        if _USABLE_PATH.fullmatch(str(folder)) and _is_private(folder, user):
            return folder
    raise EmbeddedPostgresError(
        f"DATA_DIR {data.parent} has a long path, and there is no private folder for the socket in {tempfile.gettempdir()}: "
        "set DATA_DIR to a shorter one"
    )


def _is_private(folder: Path, user: SystemUser) -> bool:
    """Return whether the folder belongs to the user alone; create it if it does not exist. Others may create files beside it."""
    try:
        user.create_folder(folder)
    except FileExistsError:
        status = folder.lstat()
        return stat.S_ISDIR(status.st_mode) and status.st_uid == user.uid and stat.S_IMODE(status.st_mode) == stat.S_IRWXU
    except OSError:
        return False
    return True
