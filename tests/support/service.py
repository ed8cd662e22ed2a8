"""PostgreSQL and the service under test, each started for tests."""

import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import psycopg2
import pytest
import uvicorn
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

from api.app import create_app
from api.logging import JsonFormatter
from api.server.uvicorn_options import uvicorn_options
from api.settings import Settings
from models.embedded_postgres import embedded_postgres
from models.migrate import migrate
from services.accounts.deletion_worker import DeletionWorker

QUOTAS = tuple(name for name in Settings.model_fields if re.match(r"rate_limit_(?!storage)", name))
SECRET = "a secret for tests, long enough for HS256"
TODO_COMMAND = str(Path(sys.executable).parent / "todo")
_numbers = count(1)


@dataclass(frozen=True)
class PostgresServer:
    """Owner URL and service URL of a PostgreSQL database. The service role can only become todo_app."""

    owner: str
    service: str

    def copy(self, template: str) -> "PostgresServer":
        """Copy a database, and return the URLs of the copy."""
        name = f"copy_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return PostgresServer(self.owner.replace("/postgres?", f"/{name}?"), self.service.replace("/postgres?", f"/{name}?"))

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement as the owner, outside a transaction; return its rows, if it has any."""
        return run_sql(self.owner, statement, *values)


def run_sql(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Run SQL as the user of the URL."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@contextmanager
def open_app_transaction(database: PostgresServer, **settings: str) -> Iterator[Cursor]:
    """Open a transaction as todo_app, as the service does, with these app.… settings; roll it back at the end."""
    connection = psycopg2.connect(database.service)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE todo_app")
            for name, value in settings.items():
                cursor.execute(f"SET LOCAL app.{name} = %s", (value,))
            yield cursor
    finally:
        connection.close()


@dataclass(frozen=True)
class RunningService:
    """A running service, its URL and its database."""

    url: str
    database: PostgresServer


@contextmanager
def run_postgres_server(folder: Path) -> Iterator[PostgresServer]:
    """Run PostgreSQL with a migrated database named template_todo."""
    with embedded_postgres(folder) as (owner, service):
        running = PostgresServer(owner, service)
        running.execute("CREATE DATABASE template_todo")
        migrate(owner.replace("/postgres?", "/template_todo?"))
        yield running


@contextmanager
def run_service(settings: Settings, database: PostgresServer, **overrides: Any) -> Iterator[RunningService]:
    """Run the service in a thread on a free port, as `todo serve` does; options are passed to uvicorn."""
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, **(uvicorn_options(settings) | overrides)))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    assert server.started, "the service did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield RunningService(f"http://127.0.0.1:{port}", database)
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def deletion_worker_disabled() -> Iterator[None]:
    """Disable the deletion worker of services that are started inside: they keep the rows of deleted accounts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DeletionWorker, "run", lambda _: nullcontext())
        yield


def settings_for(database: PostgresServer, **overrides: object) -> Settings:
    """Return settings independent of the environment, with all quotas off."""
    unlimited = dict.fromkeys(QUOTAS, "off")
    own = {"database_url": database.service, "jwt_secret": SECRET, "data_dir": Path("unused")}
    return Settings.model_validate({**unlimited, **own, **overrides})


def command_environment(folder: Path, **settings: object) -> dict[str, str]:
    """Return environment variables for the `todo` command: a data folder, settings, and nothing else from outside."""
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH"}}
    return inherited | {"DATA_DIR": str(folder / "data")} | {name: str(value) for name, value in settings.items()}


def run_command(folder: Path, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run `todo` with arguments and settings, and return its exit status and output."""
    return subprocess.run(
        [TODO_COMMAND, *arguments],
        env=command_environment(folder, **settings),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class LogCapture(logging.Handler):
    """Handler that captures the service's log lines."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.captured: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Format immediately, as the real handler does: some values are known only then."""
        if not record.name.startswith("http"):
            self.captured.append(self.format(record))

    def lines(self, *, requests: int) -> list[dict[str, Any]]:
        """Wait for this many request lines, which are written after the response, and return all lines."""
        deadline = time.monotonic() + 5
        while True:
            lines = [orjson.loads(line) for line in self.captured]
            if sum(line["logger"] == "todo.http.access" for line in lines) >= requests:
                return lines
            assert time.monotonic() < deadline, self.captured
            time.sleep(0.005)
