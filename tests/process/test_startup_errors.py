"""Start with an address or a data folder that cannot be used: one line on standard error, and nothing is left running."""

import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from api.server.listening_sockets import ListenError, bound_sockets, listen, socket_port
from api.settings import MIN_SECRET_BYTES, Settings
from models.embedded_postgres import embedded_postgres
from tests.support.api_clients import TLS
from tests.support.processes import free_port, postgres_processes, run_serve
from tests.support.service import SECRET, TODO_COMMAND, PostgresServer, command_environment, run_command

ROOT = Path(__file__).parents[2]


@pytest.fixture
def occupied_port() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def assert_one_line(result: subprocess.CompletedProcess[str], command: str, message: str) -> None:
    assert result.returncode == 1, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith(f"todo: cannot {command}: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("host", "workers"), [("127.0.0.1", 1), ("localhost", 2)])
def test_occupied_port_is_reported_before_the_database_starts(
    tmp_path: Path, occupied_port: int, host: str, workers: int
) -> None:
    result = run_command(tmp_path, "serve", HOST=host, PORT=occupied_port, WORKERS=workers)

    assert_one_line(result, "serve", f"Port {occupied_port} is in use; try PORT={occupied_port + 1} make run")
    assert not (tmp_path / "data").exists()


def test_make_run_on_an_occupied_port_reports_it(tmp_path: Path, occupied_port: int) -> None:
    result = subprocess.run(
        ["make", "run"],  # noqa: S607
        env=command_environment(tmp_path, PORT=occupied_port),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert result.returncode != 0
    assert f"Port {occupied_port} is in use; try PORT={occupied_port + 1} make run" in result.stderr
    assert "http://" not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_port_that_is_taken_while_the_database_starts_is_reported() -> None:
    with bound_sockets("127.0.0.1", 0) as faster:
        port = socket_port(faster[0])
        with bound_sockets("127.0.0.1", port) as slower:
            listen(faster, "127.0.0.1")

            with pytest.raises(ListenError, match=f"^Port {port} is in use"):
                listen(slower, "127.0.0.1")


@pytest.mark.parametrize("host", ["name.invalid", "a..b", "192.0.2.1"])
def test_host_of_another_machine_is_reported(tmp_path: Path, host: str) -> None:
    assert_one_line(run_command(tmp_path, "serve", HOST=host), "serve", f"HOST {host}")
    assert not (tmp_path / "data").exists()


def test_printed_addresses_contain_the_port_and_respond(tmp_path: Path) -> None:
    """With port 0, the system selects the port; an IPv6 address is in brackets."""
    with run_serve(tmp_path, PORT=0, HOST="::1") as (_, url):
        assert url.startswith("http://[::1]:")
        assert httpx.get(f"{url}/api", verify=TLS).json()["api"] == "/api"


@pytest.mark.parametrize("command", ["serve", "migrate"])
@pytest.mark.parametrize(
    ("folder", "cause"), [("file", "Not a directory"), ("file/below", "Not a directory"), ("/proc/none", "No such file")]
)
def test_data_folder_that_cannot_be_used_is_reported(tmp_path: Path, command: str, folder: str, cause: str) -> None:
    (tmp_path / "file").touch()

    result = run_command(tmp_path, command, DATA_DIR=tmp_path / folder, PORT=free_port())

    assert_one_line(result, command, f"DATA_DIR {tmp_path / folder} cannot be used: {cause}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to every folder")
@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_data_folder_that_is_not_writable_is_reported(tmp_path: Path, command: str) -> None:
    (tmp_path / "data").mkdir(0o500)

    result = run_command(tmp_path, command, PORT=free_port())

    assert_one_line(result, command, f"DATA_DIR {tmp_path / 'data'} cannot be used: Permission denied")


def test_data_folder_for_the_secret_that_cannot_be_used_is_reported(tmp_path: Path, database: PostgresServer) -> None:
    (tmp_path / "data").touch()

    result = run_command(tmp_path, "serve", DATABASE_URL=database.service, PORT=free_port())

    assert_one_line(result, "serve", f"DATA_DIR {tmp_path / 'data'} cannot be used: ")


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_data_folder_of_another_postgresql_version_is_reported(tmp_path: Path, command: str) -> None:
    with embedded_postgres(tmp_path / "data"):
        pass
    version = tmp_path / "data/postgres/PG_VERSION"
    newest = version.read_text().strip()
    version.write_text("15\n")

    result = run_command(tmp_path, command, PORT=free_port())

    assert_one_line(result, command, f"was created by PostgreSQL 15, and the embedded one is {newest}: ")
    assert postgres_processes(tmp_path) == []


def test_env_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PORT=\xff")

    assert_one_line(run_command(tmp_path, "serve", PORT=free_port()), "serve", ".env is not UTF-8")


def test_short_secret_in_development_is_a_warning(tmp_path: Path, database: PostgresServer) -> None:
    warning = f"JWT_SECRET is shorter than {MIN_SECRET_BYTES} bytes"
    with run_serve(tmp_path, DATABASE_URL=database.service, JWT_SECRET="x" * (MIN_SECRET_BYTES - 1)):
        assert warning in (tmp_path / "log").read_text()
    with run_serve(tmp_path, DATABASE_URL=database.service, JWT_SECRET="x" * MIN_SECRET_BYTES):
        assert warning not in (tmp_path / "log").read_text()


BREAK_WORKERS = """
import os, sys
if "--multiprocessing-fork" in sys.orig_argv:
    os.environ["DATABASE_URL"] = "postgresql://x@127.0.0.1:1/x"
"""


def test_workers_that_cannot_start_end_the_service_with_an_error(tmp_path: Path, database: PostgresServer) -> None:
    (tmp_path / "sitecustomize.py").write_text(BREAK_WORKERS)
    settings = {"DATABASE_URL": database.service, "JWT_SECRET": SECRET, "PORT": free_port(), "PYTHONPATH": tmp_path}

    assert run_command(tmp_path, "serve", "--workers=2", **settings).returncode != 0


def test_workers_stop_when_their_parent_is_killed(tmp_path: Path, database: PostgresServer) -> None:
    with run_serve(tmp_path, "--workers=2", DATABASE_URL=database.service, JWT_SECRET=SECRET) as (process, url):
        workers = [child for child in psutil.Process(process.pid).children() if "--multiprocessing-fork" in child.cmdline()]
        assert len(workers) == 2
        process.kill()
        process.wait(30)
        assert psutil.wait_procs(workers, timeout=10)[1] == []

    with run_serve(tmp_path, DATABASE_URL=database.service, JWT_SECRET=SECRET, PORT=url.rsplit(":", 1)[1]):
        pass


@pytest.mark.parametrize("content", ["", "short", " " * 64])
def test_file_without_a_usable_secret_stops_the_start(tmp_path: Path, database: PostgresServer, content: str) -> None:
    """An earlier version left an empty file if the disk was full; accounts could register, but not log in."""
    secret = tmp_path / "data" / "jwt_secret"
    secret.parent.mkdir()
    secret.write_text(content)

    result = run_command(tmp_path, "serve", DATABASE_URL=database.service, PORT=free_port())

    assert_one_line(result, "serve", f"{secret} does not hold a secret of {MIN_SECRET_BYTES} bytes: delete the file")


def test_full_disk_leaves_no_secret_and_the_next_start_creates_one(tmp_path: Path, database: PostgresServer) -> None:
    settings = {"DATABASE_URL": database.service, "PORT": free_port()}
    result = subprocess.run(
        ["bash", "-c", f"ulimit -f 0; exec {TODO_COMMAND} serve"],  # noqa: S607
        env=command_environment(tmp_path, **settings),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert_one_line(result, "serve", f"DATA_DIR {tmp_path / 'data'} cannot be used: File too large")
    assert list((tmp_path / "data").iterdir()) == []
    with run_serve(tmp_path, **settings):
        secret = tmp_path / "data" / "jwt_secret"
        assert len(secret.read_text()) >= MIN_SECRET_BYTES
        assert secret.stat().st_mode & 0o777 == 0o600
        assert [path.name for path in (tmp_path / "data").iterdir()] == ["jwt_secret"]


def test_concurrent_first_starts_get_the_same_secret(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: settings.secret(), range(64)))) == 1
