"""PostgreSQL of the operating system with an ICU locale; the embedded one is built without ICU."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
import pytest

from models import embedded_postgres
from models.migrate import migrate
from tests.support.service import PostgresServer, run_sql

_SYSTEM_USER = "postgres"  # PostgreSQL does not run as root


def find_postgres() -> Path:
    """Return the folder of PostgreSQL's programs. Without it, skip the test; in CI, fail it."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not folders:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("PostgreSQL is not installed: apt-get install postgresql")
    return folders[-1].parent


@contextmanager
def run_icu_postgres(locale: str) -> Iterator[PostgresServer]:
    """Run a migrated PostgreSQL with this ICU locale."""
    programs, user = find_postgres(), _SYSTEM_USER if os.geteuid() == 0 else None
    # The folders of pytest cannot be read by another user.
    with TemporaryDirectory(prefix="icu") as folder:
        if user is not None:
            shutil.chown(folder, user)
        data = f"{folder}/data"
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        icu = ["--locale-provider=icu", f"--icu-locale={locale}"]
        subprocess.run([programs / "initdb", "-D", data, *options, *icu], user=user, cwd=folder, check=True, capture_output=True)
        command = [str(programs / "postgres"), "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        with subprocess.Popen(command, user=user, cwd=folder, stderr=subprocess.DEVNULL) as process:
            try:
                owner = f"postgresql://postgres:@/postgres?host={folder}"
                _wait_until_ready(owner)
                embedded_postgres._create_service_role(owner)
                migrate(owner)
                yield PostgresServer(owner, owner.replace("postgres:@", "todo_service:@", 1))
            finally:
                process.terminate()


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            run_sql(url, "SELECT 1")
        except psycopg2.OperationalError:
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            time.sleep(0.1)
        else:
            return
