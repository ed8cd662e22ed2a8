"""Description of the machine, and the versions of all programs and packages that the benchmark uses."""

import platform
import subprocess
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from shutil import which

import psutil
import psycopg2

from bench.baselines import postgraphile

_PACKAGES = (
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "httptools",
    "pydantic",
    "sqlmodel",
    "sqlalchemy",
    "psycopg2-binary",
    "strawberry-graphql",
    "graphql-core",
    "asyncpg",
    "orjson",
    "pyjwt",
)


def describe(owner_url: str) -> Iterator[tuple[str, str]]:
    """Yield names and values of the environment."""
    yield "CPU", f"{processor()}, shared by wrk, the server and PostgreSQL"
    yield "Memory", f"{psutil.virtual_memory().total / 2**30:.0f} GiB"
    yield "Kernel", f"{platform.system()} {platform.release()}"
    yield "Python", platform.python_version()
    yield "PostgreSQL", _postgresql(owner_url)
    yield "wrk", _first_words("wrk", 2)
    if which("npm"):
        yield "PostGraphile", f"{postgraphile.version()}, on Node.js {_first_words('node', 1)}"
    yield "Packages", ", ".join(f"{name} {version(name)}" for name in _PACKAGES)


def processor() -> str:
    """Return the model of the CPU and its number of cores."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{line.partition(':')[2].strip()}, {psutil.cpu_count()} cores"
    return f"{platform.machine()}, {psutil.cpu_count()} cores"


def _postgresql(owner_url: str) -> str:
    with closing(psycopg2.connect(owner_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return str(cursor.fetchone()[0])


def _first_words(program: str, count: int) -> str:
    """Return the first words of the version output. wrk prints its version with its usage on standard error, and fails."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
    return " ".join((done.stdout or done.stderr).split()[:count]).removeprefix("wrk ")
