"""System user of the PostgreSQL processes: the current user, but PostgreSQL refuses to run as root."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.postgres_process.errors import EmbeddedPostgresError

# Users that exist on most systems; postgres is the user of PostgreSQL packages.
_USERS_FOR_ROOT = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class SystemUser:
    """User and group of the PostgreSQL processes. `is_other` means that this process runs as root, and they do not."""

    uid: int
    gid: int
    is_other: bool

    @classmethod
    def for_data(cls, data: Path) -> "SystemUser":
        """Return the current user; for root, the owner of the data or another one. Raises EmbeddedPostgresError."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), is_other=False)
        owner = data.stat().st_uid if data.exists() else 0
        for find, key in ((pwd.getpwuid, owner), *((pwd.getpwnam, name) for name in _USERS_FOR_ROOT)):
            try:
                user = find(key)  # type: ignore[operator] # each function with a key of its type
            except KeyError:
                continue
            if user.pw_uid != 0:
                return cls(user.pw_uid, user.pw_gid, is_other=True)
        raise EmbeddedPostgresError("PostgreSQL refuses to run as root, and there is no user postgres or nobody")

    @property
    def process_options(self) -> dict[str, Any]:
        """Return the arguments of subprocess functions that start a process of this user, in a session of its own.

        A signal from the terminal does not reach such a process.
        """
        identity = {"user": self.uid, "group": self.gid, "extra_groups": ()} if self.is_other else {}
        return {**identity, "start_new_session": True}

    def create_folder(self, folder: Path) -> None:
        """Create a folder that only this user may read. Raises OSError."""
        folder.mkdir(mode=0o700)
        if self.is_other:
            os.chown(folder, self.uid, self.gid)
