"""`todo backup` and `todo restore`, as operators use them, and the commands of docs/guides/deployment.md."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from models import migrate as migrations
from models.backup import dump
from models.backup.dump import create_backup
from models.backup.errors import BackupError
from models.backup.programs import find_programs
from models.database import make_engine, parse_url
from models.embedded_postgres import embedded_postgres
from models.migrate import migrate, newest_version
from models.postgres_process.binaries import wheel_binaries
from models.readiness import check_readiness
from tests.support.api_clients import GraphQLClient, RestClient
from tests.support.icu_postgres import run_icu_postgres
from tests.support.pgbouncer import run_pgbouncer
from tests.support.processes import signal_disposition
from tests.support.service import (
    TODO_COMMAND,
    PostgresServer,
    command_environment,
    run_command,
    run_service,
    run_sql,
    settings_for,
)
from tests.support.table_rows import ADA, EVE, TABLE_NAMES, dump_user_rows, insert_rows, rows_for_user
from tests.support.users import PASSWORD, TestUser

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "deployment.md").read_text().partition("## Backup and restore")[2]
PROGRAMS = str(wheel_binaries())
CREATE_OWNER = "CREATE ROLE plain_owner LOGIN CREATEROLE; GRANT todo_app TO plain_owner WITH ADMIN OPTION"
OLDEST_VERSION = "0004"  # the first with the maintenance role
LATER_COLUMNS = {"stamped_at", "email_key", "name_key", "name_sort_key", "title_sort_key", "search_lexemes"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL server with an owner that is no superuser."""
    with embedded_postgres(tmp_path_factory.mktemp("pg")) as (owner, service):
        running = PostgresServer(owner, service)
        running.execute(CREATE_OWNER)
        yield running


def empty_database(server: PostgresServer) -> tuple[PostgresServer, str]:
    """Create an empty database of plain_owner; return it and the URL of the owner."""
    empty = server.copy("template0")
    server.execute(f"ALTER DATABASE {parse_url(empty.owner).database} OWNER TO plain_owner")
    return empty, empty.owner.replace("postgres:@", "plain_owner:secret@", 1)


@pytest.fixture
def source(server: PostgresServer) -> tuple[PostgresServer, str]:
    """A migrated database with rows of two users in every table, and the URL of its owner."""
    database, url = empty_database(server)
    migrate(url)
    insert_rows(database, rows_for_user(ADA), rows_for_user(EVE))
    return database, url


@pytest.fixture
def target(server: PostgresServer) -> tuple[PostgresServer, str]:
    """An empty database, and the URL of its owner."""
    return empty_database(server)


@pytest.fixture
def file(source: tuple[PostgresServer, str], tmp_path: Path) -> Path:
    """A backup of `source`."""
    path = tmp_path / "todo.dump"
    create_backup(source[1], path, os.environ)
    return path


def all_rows(database: PostgresServer) -> list[dict[str, list[dict[str, object]]]]:
    return [dump_user_rows(database, user) for user in (ADA, EVE)]


def all_tables(database: PostgresServer) -> list[str]:
    return [name for (name,) in run_sql(database.owner, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")]


def expect_failure(result: subprocess.CompletedProcess[str], message: str) -> None:
    assert result.returncode == 1
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.count("\n") == 1, result.stderr


def test_embedded_database_is_backed_up_while_it_serves_and_restored_elsewhere(tmp_path: Path) -> None:
    folder, other = tmp_path / "one", tmp_path / "two"
    folder.mkdir()
    other.mkdir()
    with embedded_postgres(folder / "data") as (owner, service):
        migrate(owner)
        database = PostgresServer(owner, service)
        with run_service(settings_for(database), database) as running:
            user = TestUser.register(running.url)
            with RestClient(running.url, user.token) as client:
                task = client.create("task", title="tab\t, backslash \\ and\nline feed \\.")
                backed_up = run_command(folder, "backup", "todo.dump")
                client.create("task", title="after the backup")
    summary = "4 rows (user 1, user_revision 1, login_session 1, task 1)"
    version = newest_version()
    description = f"Embedded database in {folder / 'data'}"
    assert backed_up.stdout == f"{description}: version {version} written to todo.dump, {summary}\n", backed_up.stderr

    (folder / "todo.dump").rename(other / "todo.dump")
    restored = run_command(other, "restore", "todo.dump")
    expected = f"Embedded database in {other / 'data'}: restored {summary} of version {version}, now at {version}\n"
    assert restored.stdout == expected, restored.stderr
    with embedded_postgres(other / "data") as (owner, service):
        database = PostgresServer(owner, service)
        with run_service(settings_for(database), database) as running:
            with RestClient(running.url, None) as rest:
                token = rest.log_in(user.email, PASSWORD)["access_token"]
            for client_type in (RestClient, GraphQLClient):
                with client_type(running.url, token) as client:
                    assert [row["title"] for row in client.page("task", limit=50)] == [task["title"]]
                    client.update("task", task["id"], title=task["title"])


def test_owner_without_superuser_backs_up_and_restores_all_rows(
    source: tuple[PostgresServer, str], target: tuple[PostgresServer, str], tmp_path: Path
) -> None:
    backed_up = run_command(tmp_path, "backup", "todo.dump", MIGRATION_DATABASE_URL=source[1])
    assert backed_up.returncode == 0, backed_up.stderr
    restored = run_command(tmp_path, "restore", "todo.dump", DATABASE_URL=target[0].service, MIGRATION_DATABASE_URL=target[1])

    assert restored.returncode == 0, restored.stderr
    assert all(table in restored.stdout for table in TABLE_NAMES)
    assert all_rows(target[0]) == all_rows(source[0])
    owners = run_sql(target[0].owner, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert owners == [("plain_owner",)]
    engine = make_engine(target[0].service, pool_size=1)
    check_readiness(engine)
    engine.dispose()


def test_backup_contains_the_rows_of_one_moment(source: tuple[PostgresServer, str], tmp_path: Path) -> None:
    """A row that is committed after the rows were counted is not in the file, and the command does not fail."""
    seen: list[int] = []

    def commit_a_row(name: str, minimum: int) -> list[Path]:
        if name == "pg_dump":
            run_sql(source[0].owner, "INSERT INTO deleted_user VALUES ('later', now())")
            seen.extend(run_sql(source[0].owner, "SELECT count(*) FROM deleted_user")[0])
        return find_programs(name, minimum)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dump, "find_programs", commit_a_row)
        backup = create_backup(source[1], tmp_path / "todo.dump", os.environ)
    assert (backup.rows["deleted_user"], seen) == (2, [3])


def test_file_is_private_and_an_existing_file_is_kept_without_force(source: tuple[PostgresServer, str], tmp_path: Path) -> None:
    path = tmp_path / "todo.dump"
    path.write_text("precious")
    path.chmod(0o644)

    expect_failure(run_command(tmp_path, "backup", "todo.dump", DATABASE_URL=source[1]), "todo.dump exists")
    assert path.read_text() == "precious"
    assert run_command(tmp_path, "backup", "todo.dump", "--force", DATABASE_URL=source[1]).returncode == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["todo.dump"]


@pytest.mark.parametrize("path", ["missing/todo.dump", "."])
def test_backup_to_an_unusable_path_fails_in_one_line(source: tuple[PostgresServer, str], tmp_path: Path, path: str) -> None:
    expect_failure(run_command(tmp_path, "backup", path, DATABASE_URL=source[1]), "todo: cannot backup: ")


@pytest.mark.parametrize(("stop", "status"), [(signal.SIGTERM, 130), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_stopped_backup_leaves_no_file(
    source: tuple[PostgresServer, str], tmp_path: Path, stop: signal.Signals, status: int
) -> None:
    name = parse_url(source[0].owner).database
    with closing(psycopg2.connect(source[0].owner)) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE pg_catalog.pg_policy IN ACCESS EXCLUSIVE MODE")
        command, environment = [TODO_COMMAND, "backup", "todo.dump"], command_environment(tmp_path, DATABASE_URL=source[1])
        with signal_disposition(signal.SIGINT, signal.SIG_DFL):
            process = subprocess.Popen(command, cwd=tmp_path, env=environment)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
        deadline = time.monotonic() + 30
        while source[0].execute(waiting, name) == [(0,)]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(stop)
        if stop == signal.SIGKILL:
            assert process.wait(30) == status
    assert process.wait(30) == status
    left = [entry.name for entry in tmp_path.iterdir()]
    assert "todo.dump" not in left
    assert stop == signal.SIGKILL or left == []


@pytest.mark.parametrize(
    "change",
    [
        "DROP POLICY maintenance ON task",
        "ALTER POLICY maintenance ON task USING (user_id = 'ada')",
        "ALTER POLICY maintenance ON task TO todo_app",
        "CREATE POLICY narrow ON task AS RESTRICTIVE USING (user_id = 'ada')",
    ],
)
def test_backup_fails_if_row_level_security_hides_rows(source: tuple[PostgresServer, str], tmp_path: Path, change: str) -> None:
    run_sql(source[0].owner, change)

    expect_failure(
        run_command(tmp_path, "backup", "todo.dump", DATABASE_URL=source[1]), "row-level security hides rows of task from"
    )
    assert list(tmp_path.iterdir()) == []


def test_backup_that_lacks_rows_fails(
    source: tuple[PostgresServer, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump, "_OPTIONS", (*dump._OPTIONS, "--exclude-table-data=public.task"))

    with pytest.raises(BackupError, match=r"does not contain the rows of the database: task \(0 instead of 4\)"):
        create_backup(source[1], tmp_path / "todo.dump", os.environ)
    assert list(tmp_path.iterdir()) == []


def test_backup_as_a_role_that_is_not_the_owner_fails(source: tuple[PostgresServer, str], tmp_path: Path) -> None:
    expect_failure(run_command(tmp_path, "backup", "x", DATABASE_URL=source[0].service), "cannot become todo_maintenance")


def test_backup_of_an_unknown_version_fails(source: tuple[PostgresServer, str], tmp_path: Path) -> None:
    run_sql(source[0].owner, "UPDATE alembic_version SET version_num = '9999'")

    expect_failure(run_command(tmp_path, "backup", "x", DATABASE_URL=source[1]), "version 9999, which this release does not know")


def test_backup_of_an_empty_database_fails(target: tuple[PostgresServer, str], tmp_path: Path) -> None:
    expect_failure(run_command(tmp_path, "backup", "x", DATABASE_URL=target[1]), "the database is not migrated")


def test_backup_through_a_pooler_fails(database: PostgresServer, tmp_path: Path) -> None:
    with run_pgbouncer(database, size=2) as pooled:
        expect_failure(run_command(tmp_path, "backup", "x", DATABASE_URL=pooled.owner), "connection pooler")


def test_backup_leaves_out_relations_of_others(
    source: tuple[PostgresServer, str], target: tuple[PostgresServer, str], tmp_path: Path
) -> None:
    run_sql(source[0].owner, 'CREATE TABLE "Other" (id serial); CREATE VIEW titles AS SELECT title FROM task')

    backed_up = run_command(tmp_path, "backup", "todo.dump", DATABASE_URL=source[1])
    assert backed_up.stdout.splitlines()[1] == 'Not part of the backup: public."Other", public."Other_id_seq", public.titles'
    assert run_command(tmp_path, "restore", "todo.dump", DATABASE_URL=target[1]).returncode == 0
    assert all_tables(target[0]) == sorted([*TABLE_NAMES, "alembic_version"])


def test_password_is_not_in_the_list_of_processes(source: tuple[PostgresServer, str]) -> None:
    connection_string, password = dump._split_password(source[1])

    assert password == "secret"
    assert "secret" not in connection_string
    assert f"host={parse_url(source[1]).query['host']}" in connection_string


def test_missing_program_is_reported_with_the_way_to_install_it() -> None:
    with pytest.raises(BackupError, match=r"no pg_dump of PostgreSQL 99 or newer was found, only .* of version 18.*-99\)$"):
        find_programs("pg_dump", 99)


def test_restore_refuses_a_database_with_rows_and_force_deletes_them(
    source: tuple[PostgresServer, str], file: Path, tmp_path: Path
) -> None:
    before = all_rows(source[0])
    insert_rows(source[0], rows_for_user("third", "3"))

    refused = run_command(tmp_path, "restore", file.name, DATABASE_URL=source[1])
    expect_failure(refused, "the database contains 42 rows (user 3, ")
    assert dump_user_rows(source[0], "third")["task"]

    forced = run_command(tmp_path, "restore", file.name, "--force", DATABASE_URL=source[1])
    assert "deleted 42 rows (user 3, " in forced.stdout, forced.stderr
    assert all_rows(source[0]) == before
    assert not dump_user_rows(source[0], "third")["task"]


def test_restore_into_migrated_tables_without_rows_needs_no_force(
    source: tuple[PostgresServer, str], target: tuple[PostgresServer, str], file: Path, tmp_path: Path
) -> None:
    migrate(target[1])

    assert run_command(tmp_path, "restore", file.name, DATABASE_URL=target[1]).returncode == 0
    assert all_rows(target[0]) == all_rows(source[0])


@pytest.mark.parametrize("size", [0.02, 0.5, 0.9, 0.999])
def test_damaged_file_changes_nothing(
    source: tuple[PostgresServer, str], target: tuple[PostgresServer, str], file: Path, tmp_path: Path, size: float
) -> None:
    before = all_rows(source[0])
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * size)])

    for url in (source[1], target[1]):
        result = run_command(tmp_path, "restore", file.name, "--force", DATABASE_URL=url)
        expect_failure(result, "todo: cannot restore: ")
    assert all_rows(source[0]) == before
    assert all_tables(target[0]) == []


def test_restore_that_cannot_finish_changes_nothing(source: tuple[PostgresServer, str], file: Path, tmp_path: Path) -> None:
    run_sql(source[0].owner, "CREATE VIEW titles AS SELECT title FROM task")
    before = all_rows(source[0])

    result = run_command(tmp_path, "restore", file.name, "--force", DATABASE_URL=source[1])
    expect_failure(result, "other objects depend on them")
    assert all_rows(source[0]) == before


@pytest.mark.parametrize("content", ["", "SELECT 1;", "no archive " * 100])
def test_restore_of_another_file_fails(target: tuple[PostgresServer, str], tmp_path: Path, content: str) -> None:
    (tmp_path / "other").write_text(content)

    expect_failure(run_command(tmp_path, "restore", "other", DATABASE_URL=target[1]), "todo: cannot restore: pg_restore: error:")
    expect_failure(run_command(tmp_path, "restore", "absent", DATABASE_URL=target[1]), "absent is not a file")


def test_restore_says_what_the_service_still_needs(target: tuple[PostgresServer, str], file: Path, tmp_path: Path) -> None:
    run_sql(target[0].owner, "CREATE ROLE new_service LOGIN")
    service = target[0].service.replace("todo_service", "new_service")
    result = run_command(tmp_path, "restore", file.name, DATABASE_URL=service, MIGRATION_DATABASE_URL=target[1])
    run_sql(target[0].owner, "DROP ROLE new_service")

    expect_failure(result, "the rows are restored, but the service cannot use them yet: the database user new_service cannot")
    assert "GRANT todo_app TO new_service" in result.stderr


def test_backup_of_an_older_version_is_migrated(
    server: PostgresServer, target: tuple[PostgresServer, str], tmp_path: Path
) -> None:
    database, url = empty_database(server)
    engine = create_engine(parse_url(url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    with engine.begin() as connection:
        migrations._upgrade(connection, OLDEST_VERSION)
    rows = {
        table: [{name: value for name, value in row.items() if name not in LATER_COLUMNS} for row in rows]
        for table, rows in rows_for_user(ADA).items()
        if table != "account_deletion"
    }
    insert_rows(database, rows)

    assert run_command(tmp_path, "backup", "todo.dump", DATABASE_URL=url).returncode == 0
    restored = run_command(tmp_path, "restore", "todo.dump", DATABASE_URL=target[1])
    assert restored.stdout.endswith(f" of version {OLDEST_VERSION}, now at {newest_version()}\n"), restored.stderr
    assert {table: len(rows) for table, rows in dump_user_rows(target[0], ADA, list(rows)).items()} == {
        table: len(rows) for table, rows in rows.items()
    }


def test_restore_on_a_new_server_creates_the_roles(source: tuple[PostgresServer, str], file: Path, tmp_path: Path) -> None:
    """PostgreSQL of the operating system, in another version: its own programs, or older ones than those of the archive."""
    with run_icu_postgres("en") as other:
        other.execute("DROP OWNED BY todo_app, todo_maintenance; DROP ROLE todo_maintenance")
        other.execute("CREATE DATABASE empty TEMPLATE template0")
        empty = PostgresServer(other.owner.replace("/postgres?", "/empty?"), other.service.replace("/postgres?", "/empty?"))

        settings = {"DATABASE_URL": empty.service, "MIGRATION_DATABASE_URL": empty.owner}
        restored = run_command(tmp_path, "restore", file.name, **settings)
        assert restored.returncode == 0, restored.stderr
        assert all_rows(empty) == all_rows(source[0])
        again = run_command(tmp_path, "backup", "again.dump", MIGRATION_DATABASE_URL=empty.owner)
        assert again.returncode == 0, again.stderr


def guide_commands() -> list[str]:
    """Return the commands with PostgreSQL's own programs."""
    return re.findall(r"^```sh norun\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


def run_shell(folder: Path, command: str, url: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the guide, as an operator does."""
    environment = command_environment(folder, MIGRATION_DATABASE_URL=url)
    path = f"{PROGRAMS}:{Path(TODO_COMMAND).parent}:{environment['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],  # noqa: S607
        env=environment | {"PATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("by_command", [False, True], ids=["pg_restore", "todo restore"])
def test_commands_of_the_guide_back_up_and_restore(
    source: tuple[PostgresServer, str], target: tuple[PostgresServer, str], tmp_path: Path, *, by_command: bool
) -> None:
    write, count, restore = guide_commands()
    assert run_shell(tmp_path, write, source[1]).returncode == 0
    counted = run_shell(tmp_path, count, source[1]).stdout.split()
    counts = {name.removeprefix("public.").strip('"'): int(rows) for name, rows in zip(counted[::2], counted[1::2], strict=True)}
    assert counts == {table: sum(len(rows[table]) for rows in all_rows(source[0])) for table in TABLE_NAMES} | {
        "alembic_version": 1
    }

    restored = run_shell(tmp_path, "todo restore todo.dump" if by_command else restore, target[1])
    assert restored.returncode == 0, restored.stderr
    assert all_rows(target[0]) == all_rows(source[0])
    engine = make_engine(target[0].service, pool_size=1)
    check_readiness(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [("", 1, "query would be affected by row-level security policy"), ("--enable-row-security --data-only", 0, "")],
)
def test_plain_dump_of_the_owner_lacks_the_rows(
    source: tuple[PostgresServer, str], tmp_path: Path, options: str, status: int, message: str
) -> None:
    """The warning in the guide is true."""
    result = run_shell(tmp_path, f'pg_dump {options} "$MIGRATION_DATABASE_URL"', source[1])

    assert result.returncode == status
    assert message in result.stderr
    assert "task of ada" not in result.stdout
