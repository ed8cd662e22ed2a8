"""Database cluster in a data folder, and the server process that runs on it."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from models.postgres_process.binaries import binaries_for, version_of
from models.postgres_process.errors import EmbeddedPostgresError
from models.postgres_process.socket_folder import private_socket_folder
from models.postgres_process.stop_when_unused import is_postgres, read_postmaster_pid, stop_postmaster
from models.postgres_process.system_user import SystemUser

_SUPERUSER = "postgres"
_START_TIMEOUT = 60.0  # seconds; recovery after a crash may take some
_POLL_SECONDS = 0.05
# The working directory of the process itself. Its user need not be allowed to enter the folders above, when root has started it.
_OWN_WORKING_DIRECTORY = Path("/proc/self/cwd")
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # Failed statements contain e-mail addresses, titles and hashes of passwords; so do the details of errors.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class Cluster:
    """Cluster in a data folder. Only one process at a time may call `ensure_running`."""

    def __init__(self, data: Path) -> None:
        """Check that the server can run on the folder. Raises EmbeddedPostgresError."""
        self._data = data
        self._user = SystemUser.for_data(data)
        self._binaries = binaries_for(self._user)
        self._pid_file = data / "postmaster.pid"
        self._socket_folder = data
        self._child: subprocess.Popen[bytes] | None = None
        self._check_version()

    @property
    def owner_url(self) -> str:
        """Return the URL of the superuser, which owns all databases."""
        return f"postgresql://{_SUPERUSER}:@/postgres?host={quote(str(self._socket_folder))}"

    def ensure_running(self) -> None:
        """Start the server unless it runs; create the cluster if there is none. Raises EmbeddedPostgresError."""
        if not (self._data / "PG_VERSION").exists():
            self._create()
        if not self._accepts_connections():
            self.stop()
            self._socket_folder = private_socket_folder(self._data, self._user)
            self._replace_reused_pid()
            self._start()

    def is_alive(self) -> bool:
        """Return whether the server process exists."""
        if self._child is not None:
            self._child.poll()  # reaps it
        pid = read_postmaster_pid(self._pid_file)
        return pid is not None and is_postgres(pid)

    def stop(self) -> None:
        """Stop the server if it runs."""
        stop_postmaster(self._pid_file)
        if self._child is not None:
            self._child.wait()
            self._child = None
        if self._socket_folder != self._data:
            with suppress(OSError):
                self._socket_folder.rmdir()

    def _check_version(self) -> None:
        version_file = self._data / "PG_VERSION"
        created_by = version_file.read_text().strip() if version_file.exists() else None
        version = version_of(self._binaries).partition(".")[0]
        if created_by not in {None, version}:
            raise EmbeddedPostgresError(
                f"{self._data} was created by PostgreSQL {created_by}, and the embedded one is {version}: "
                "move the folder away, or set DATA_DIR to another one"
            )

    def _create(self) -> None:
        """Create the cluster under another name first: an interrupted or failed attempt leaves no incomplete one."""
        incomplete = self._data.with_name(f"{self._data.name}.new")
        shutil.rmtree(incomplete, ignore_errors=True)
        self._user.create_folder(incomplete)
        try:
            arguments = ["--username", _SUPERUSER, "--auth", "trust", "--encoding", "UTF8"]
            command = [str(self._binaries / "initdb"), "-D", str(self._folder_argument(incomplete)), *arguments]
            result = subprocess.run(  # noqa: S603 - a program of the wheel
                command, cwd=incomplete, capture_output=True, text=True, check=False, **self._user.process_options
            )
            if result.returncode != 0:
                raise EmbeddedPostgresError(f"the database cannot be created in {self._data}: {_last_line(result.stderr)}")
            if self._data.exists():
                self._data.rmdir()
            incomplete.rename(self._data)
        finally:
            shutil.rmtree(incomplete, ignore_errors=True)

    def _start(self) -> None:
        """Start the server and wait until it accepts connections.

        Processes of a killed server may still use its shared memory for a moment: the start is tried again until the timeout.
        """
        deadline = time.monotonic() + _START_TIMEOUT
        log_file = self._data / "log"
        while True:
            with log_file.open("ab") as log:
                begin = log.tell()
                self._child = subprocess.Popen(  # noqa: S603 - a program of the wheel
                    self._server_command(),
                    cwd=self._data,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    **self._user.process_options,
                )
            while self._child.poll() is None and time.monotonic() < deadline:
                if self._accepts_connections():
                    return
                time.sleep(_POLL_SECONDS)
            output = log_file.read_bytes()[begin:].decode(errors="replace")
            if self._child.poll() is None or "shared memory" not in output or time.monotonic() > deadline:
                self._child.terminate()
                raise EmbeddedPostgresError(f"PostgreSQL did not start: {_last_line(output)}; see {log_file}")
            time.sleep(_POLL_SECONDS)

    def _server_command(self) -> list[str | Path]:
        socket_folder = self._socket_folder if self._socket_folder != self._data else self._folder_argument(self._data)
        settings = {**_SETTINGS, "unix_socket_directories": str(socket_folder), "todo.data_folder": str(self._data)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self._binaries / "postgres", "-D", self._folder_argument(self._data), *options]

    def _folder_argument(self, folder: Path) -> Path:
        """Return the path by which the PostgreSQL process finds its working directory."""
        return _OWN_WORKING_DIRECTORY if self._user.is_other and _OWN_WORKING_DIRECTORY.exists() else folder

    def _accepts_connections(self) -> bool:
        """Return whether the server is ready, and accepts connections in the folder that postmaster.pid names."""
        try:
            *_, folder, _, _, status = self._pid_file.read_text().splitlines()
            if status.strip() != "ready" or not self.is_alive():
                return False
            self._socket_folder = self._data if Path(folder) == _OWN_WORKING_DIRECTORY else Path(folder)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self._socket_folder / ".s.PGSQL.5432"))
        except (OSError, ValueError):
            return False
        return True

    def _replace_reused_pid(self) -> None:
        """Replace the id in postmaster.pid if another program has it now, for example after a restart of the container.

        PostgreSQL ignores the id of its parent, but not that of another process; the rest of the file is its second check.
        """
        pid = read_postmaster_pid(self._pid_file)
        if pid is not None and not is_postgres(pid):
            _, _, rest = self._pid_file.read_text().partition("\n")
            self._pid_file.write_text(f"{os.getpid()}\n{rest}")


def _last_line(output: str) -> str:
    lines = [line for line in output.splitlines() if line and not line.startswith(("HINT", "\t"))]
    errors = [line for line in lines if "FATAL:" in line or "error:" in line or "PANIC:" in line]
    return (errors or lines or ["no output"])[-1].rpartition("  ")[2].strip()
