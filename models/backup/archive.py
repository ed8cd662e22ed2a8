"""Archive file of pg_dump: the SQL of its schema and the rows of its tables."""

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from models.backup.errors import BackupError
from models.backup.programs import find_programs, read_program, run_program

# Owner and grants belong to the server that the archive is restored to.
_OPTIONS = ("--schema=public", "--no-owner", "--no-privileges", "--no-comments", "--no-security-labels", "--file=-")
_CHUNK_BYTES = 65_536
_END_OF_ROWS = b"\\.\n"
_COPY = re.compile(rb'COPY public\."?(\w+)"? \(.*\) FROM stdin;\n')
_OTHER_LINES = (b"\n", b"--", b"SET ", b"SELECT pg_catalog.set_config(", b"\\restrict ", b"\\unrestrict ")
# Lines that only psql understands, and a setting that older servers do not have.
_SKIPPED_LINES = re.compile(r"^(\\(un)?restrict .*|SET[ ]transaction_timeout = 0;)$", re.MULTILINE)


class TableRows:
    """Rows of one table in the text format of COPY; they are counted while they are read."""

    def __init__(self, statement: bytes, table: str, lines: IO[bytes]) -> None:
        self.statement = statement.decode()
        self.table = table
        self.count = 0
        self._lines = lines
        self._is_complete = False

    def read(self, _size: int = -1) -> bytes:
        """Return the next rows, or nothing at the end. The size is a proposal of psycopg2."""
        rows: list[bytes] = []
        length = 0
        while length < _CHUNK_BYTES and not self._is_complete:
            line = self._lines.readline()
            if line in {_END_OF_ROWS, b""}:
                self._is_complete = True
            else:
                rows.append(line)
                length += len(line)
        self.count += len(rows)
        return b"".join(rows)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive, and the program that reads it."""

    path: Path
    program: Path
    environment: Mapping[str, str]

    def schema_sql(self, section: Literal["pre-data", "post-data"]) -> str:
        """Return the SQL that creates the tables (pre-data), or their indexes, foreign keys and policies (post-data)."""
        with read_program(self._command(f"--section={section}"), self.environment) as output:
            return _SKIPPED_LINES.sub("", output.read().decode())

    def tables(self) -> Generator[TableRows]:
        """Yield the rows of each table; read them before the next table. Raises BackupError if the archive is damaged."""
        with read_program(self._command("--section=data"), self.environment) as output:
            while line := output.readline():
                copy = _COPY.fullmatch(line)
                if copy:
                    yield TableRows(line, copy[1].decode(), output)
                elif not line.startswith(_OTHER_LINES):
                    raise BackupError(f"{self.path} was not written by `todo backup`: it contains {line[:60]!r}")

    def count_rows(self) -> dict[str, int]:
        """Read the whole archive and return the number of rows in each table."""
        counts = {}
        for table in self.tables():
            while table.read():
                pass
            counts[table.table] = table.count
        return counts

    def _command(self, *options: str) -> list[str | Path]:
        return [self.program, *_OPTIONS, *options, self.path]


def open_archive(path: Path, server: int, environment: Mapping[str, str]) -> Archive:
    """Open an archive for a server of this major version, with the first program that can read it. Raises BackupError."""
    *others, newest = find_programs("pg_restore", server)
    for program in others:
        try:
            run_program([program, "--list", path], environment)
        except BackupError:  # written by a newer pg_dump, or damaged
            continue
        return Archive(path, program, environment)
    run_program([newest, "--list", path], environment)
    return Archive(path, newest, environment)
