"""PgBouncer in transaction mode before a PostgreSQL server on a Unix socket."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url

from tests.support.service import PostgresServer

# Nothing is reset between transactions, so leaked state reaches the next one. A wait of 20 s for a connection is a deadlock.
_CONFIGURATION = """
[databases]
* = host={host} port=5432
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {size}
min_pool_size = 0
reserve_pool_size = 0
max_client_conn = 200
server_reset_query =
query_wait_timeout = 20
logfile = {folder}/log
pidfile = {folder}/pid
"""


def find_pgbouncer() -> str:
    """Return the path of PgBouncer. Without it, skip the test; in CI, fail it."""
    path = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("pgbouncer is not installed: apt-get install pgbouncer")
    return path


@contextmanager
def run_pgbouncer(database: PostgresServer, *, size: int) -> Iterator[PostgresServer]:
    """Run PgBouncer with some server connections per user; yield the database's URLs through it."""
    url = make_url(database.owner)
    host = Path(str(url.query["host"]))
    with TemporaryDirectory(dir=host) as folder, _running(Path(folder), host, size) as port:
        address = f"@127.0.0.1:{port}/{url.database}"
        yield PostgresServer(f"postgresql://postgres:{address}", f"postgresql://todo_service:{address}")


@contextmanager
def _running(folder: Path, host: Path, size: int) -> Iterator[int]:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # PostgreSQL's system user may not enter the folders above that of the socket, so it reaches them by its working directory.
    seen_host = Path("/proc/self/cwd")
    seen_folder = seen_host / folder.name
    (folder / "ini").write_text(_CONFIGURATION.format(host=seen_host, port=port, folder=seen_folder, size=size))
    (folder / "users").write_text('"postgres" ""\n"todo_service" ""\n')
    command = [find_pgbouncer(), "--quiet", str(seen_folder / "ini")]
    process = subprocess.Popen(command, cwd=host, **_popen_as_owner(host, folder))
    try:
        _wait_until_ready(f"postgresql://postgres:@127.0.0.1:{port}/postgres", process, folder)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            psycopg2.connect(url).close()
        except psycopg2.OperationalError:
            assert process.poll() is None, f"pgbouncer ended: {process.returncode}"
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.02)
        else:
            return


def _popen_as_owner(host: Path, folder: Path) -> dict[str, Any]:
    """Return Popen arguments that run a program as PostgreSQL's system user: only it can use the socket, and root is refused."""
    if os.geteuid() != 0:
        return {}
    owner = host.stat()
    for path in (folder, *folder.iterdir()):
        os.chown(path, owner.st_uid, owner.st_gid)
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
