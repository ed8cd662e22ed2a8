"""The embedded PostgreSQL: private socket, permissions, first starts, restart of a killed server, processes after a kill."""

import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg2
import pytest

from models.database import parse_url
from models.embedded_postgres import embedded_postgres
from models.postgres_process import binaries
from models.postgres_process.errors import EmbeddedPostgresError
from models.postgres_process.socket_folder import private_socket_folder
from models.postgres_process.system_user import SystemUser
from tests.support.api_clients import RestClient
from tests.support.processes import free_port, postgres_processes, run_serve
from tests.support.service import TODO_COMMAND, command_environment, run_command, run_sql
from tests.support.users import TestUser

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def parents_with_permissions(*paths: Path) -> dict[Path, int]:
    return {parent: permissions(parent) for path in paths for parent in path.parents}


@pytest.mark.parametrize("name", ["x", "x" * 200, "a, 'b' \"c\" %20 é"], ids=["short", "long", "special characters"])
def test_socket_is_in_a_folder_that_only_its_user_may_enter(tmp_path: Path, name: str) -> None:
    data = tmp_path / name
    with embedded_postgres(data) as (owner, service):
        socket_folder = Path(str(parse_url(owner).query["host"]))
        assert permissions(socket_folder) == 0o700
        assert socket_folder.stat().st_uid == (data / "postgres").stat().st_uid
        assert permissions(socket_folder / ".s.PGSQL.5432") == 0o700
        assert run_sql(service, "SHOW listen_addresses") == [("",)]

    assert not (socket_folder / ".s.PGSQL.5432").exists()
    assert socket_folder == data / "postgres" or not socket_folder.exists()


def test_socket_folder_that_another_user_has_created_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder for temporary files is shared, and the name can be predicted."""
    monkeypatch.setattr(tempfile, "tempdir", tempfile.mkdtemp(dir="/tmp"))
    data, user = tmp_path / ("x" * 200), SystemUser.for_data(tmp_path)
    folder = private_socket_folder(data, user)
    assert private_socket_folder(data, user) == folder
    folder.chmod(0o777)
    second = private_socket_folder(data, user)
    assert second != folder
    second.rmdir()
    second.symlink_to(tmp_path)
    assert private_socket_folder(data, user) not in {folder, second}
    for other in folder.parent.iterdir():
        if not other.is_symlink():
            other.rmdir()
    for number in range(10):
        folder.with_name(f"{folder.name[:-1]}{number}").unlink(missing_ok=True)
        folder.with_name(f"{folder.name[:-1]}{number}").touch()

    with pytest.raises(EmbeddedPostgresError, match="no private folder for the socket"):
        private_socket_folder(data, user)
    shutil.rmtree(tempfile.gettempdir())


@only_root
def test_start_as_root_changes_no_permissions_of_other_folders(tmp_path: Path) -> None:
    """PostgreSQL runs as another user, which may not even enter the folders above its data."""
    data = tmp_path / "private" / "data"
    data.parent.mkdir(mode=0o700)
    programs = binaries.wheel_binaries() / "postgres"
    before = parents_with_permissions(data, programs)

    with embedded_postgres(data) as (owner, _):
        assert run_sql(owner, "SELECT 1") == [(1,)]
        [postmaster] = postgres_processes(tmp_path)
        assert postmaster.uids().real == (data / "postgres").stat().st_uid != 0

    assert parents_with_permissions(data, programs) == before


@only_root
def test_programs_that_no_other_user_may_read_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = tmp_path / "site-packages"  # pytest creates tmp_path for its own user only
    private.mkdir(mode=0o700)
    programs = binaries.wheel_binaries()
    package = programs.parents[1]
    shutil.copytree(programs.parent, private / package.name / programs.parent.name)
    shutil.copytree(f"{package}.libs", private / f"{package.name}.libs")
    cache = Path(tempfile.mkdtemp(dir="/tmp"), "cache")
    cache.parent.chmod(0o755)
    monkeypatch.setattr(binaries, "_CACHE", cache)
    monkeypatch.setattr(binaries, "wheel_binaries", lambda: private / programs.relative_to(package.parent))

    for _ in range(2):
        with embedded_postgres(tmp_path / "data") as (owner, _):
            assert run_sql(owner, "SELECT 1") == [(1,)]

    assert permissions(private) == 0o700
    assert [folder.name for folder in cache.iterdir()] == [f"postgresql-{binaries.version_of(programs)}"]
    shutil.rmtree(cache.parent)


def test_lock_files_of_another_user_do_not_stop_the_start(tmp_path: Path) -> None:
    for name in ("postgres.lock", "postgres.start.lock", "postgres.stop.lock"):
        lock = tmp_path / name
        lock.touch(0o444)
        if os.geteuid() == 0:
            shutil.chown(lock, "nobody")

    with embedded_postgres(tmp_path) as (owner, _):
        assert run_sql(owner, "SELECT 1") == [(1,)]


def test_concurrent_first_starts_succeed(tmp_path: Path) -> None:
    environment = command_environment(tmp_path)
    command = [TODO_COMMAND, "migrate"]
    starts = [
        subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]

    outputs = [start.communicate(timeout=120)[1] for start in starts]
    assert [start.returncode for start in starts] == [0] * len(starts), outputs
    assert postgres_processes(tmp_path) == []


def test_server_stops_with_its_last_user(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path) as (owner, _):
        with embedded_postgres(tmp_path) as (same, _):
            assert same == owner
        assert run_sql(owner, "SELECT 1") == [(1,)]
    assert postgres_processes(tmp_path) == []


def test_killed_server_is_started_again_within_seconds(tmp_path: Path) -> None:
    with run_serve(tmp_path) as (_, url), RestClient(url, TestUser.register(url).token) as client:
        task = client.create("task", title="x")
        for _ in range(2):
            [postmaster] = postgres_processes(tmp_path)
            postmaster.kill()
            wait_until(lambda: client.http.get(f"/api/me/tasks/{task['id']}").status_code == 200)

        assert [process for process in postgres_processes(tmp_path) if process.pid == postmaster.pid] == []
        assert "the embedded PostgreSQL has ended; starting it again" in (tmp_path / "log").read_text()
    assert postgres_processes(tmp_path) == []


def test_server_that_another_process_has_started_is_started_again(tmp_path: Path) -> None:
    with run_serve(tmp_path) as (process, _), embedded_postgres((tmp_path / "data").resolve()) as (owner, _):
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        [postmaster] = postgres_processes(tmp_path)
        postmaster.kill()

        def is_running() -> bool:
            try:
                return run_sql(owner, "SELECT 1") == [(1,)]
            except psycopg2.OperationalError:
                return False

        wait_until(is_running)


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_service_leaves_no_processes(tmp_path: Path, workers: int) -> None:
    with run_serve(tmp_path, WORKERS=workers) as (process, _):
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait(30)

    assert psutil.wait_procs(children, timeout=20)[1] == []
    assert postgres_processes(tmp_path) == []


def test_interrupted_creation_is_repeated(tmp_path: Path) -> None:
    for incomplete in ("postgres", "postgres.new"):
        (tmp_path / incomplete).mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18")

    with embedded_postgres(tmp_path) as (owner, _):
        assert run_sql(owner, "SELECT 1") == [(1,)]
    assert not (tmp_path / "postgres.new").exists()


def test_process_id_that_another_program_has_now_does_not_stop_the_start(tmp_path: Path) -> None:
    """After a restart of a container, the id in postmaster.pid often belongs to another process."""
    with embedded_postgres(tmp_path):
        pid_file = tmp_path / "postgres/postmaster.pid"
        content = pid_file.read_text()
    user = (tmp_path / "postgres").stat().st_uid  # PostgreSQL ignores processes of other users
    other = subprocess.Popen(["sleep", "60"], user=user if os.geteuid() == 0 else None)  # noqa: S607
    try:
        pid_file.write_text(f"{other.pid}\n{content.partition(chr(10))[2]}")
        with embedded_postgres(tmp_path) as (owner, _):
            assert run_sql(owner, "SELECT 1") == [(1,)]
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_full_disk_at_the_first_start_is_reported_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    command = f"ulimit -f 2000; exec {TODO_COMMAND} migrate"
    result = subprocess.run(
        ["bash", "-c", command],  # noqa: S607
        env=command_environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (result.returncode, result.stderr.count("\n")) == (1, 1), result.stderr
    assert result.stderr.startswith("todo: cannot migrate: the database cannot be created in ")
    assert run_command(tmp_path, "migrate").returncode == 0


def test_server_that_does_not_start_is_reported_in_one_line(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path / "data"):
        pass
    with (tmp_path / "data/postgres/postgresql.conf").open("a") as settings:
        settings.write("nonsense = 1\n")

    result = run_command(tmp_path, "serve", PORT=free_port())

    assert (result.returncode, result.stderr.count("\n")) == (1, 1), result.stderr
    assert "PostgreSQL did not start: " in result.stderr
    assert postgres_processes(tmp_path) == []
