"""Command line interface: `todo`."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

import orjson
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from api.app import create_app
from api.container import maintenance_database, migration_database, open_container, running_database
from api.graphql.executor_factory import build_executor
from api.logging import configure_logging
from api.server.listening_sockets import ListenError, bound_sockets, listen, socket_port
from api.server.processes import run_server
from api.settings import Settings, SettingsError, load_settings
from graphql_schema.schema import build_schema
from models.backup.dump import create_backup
from models.backup.errors import BackupError
from models.backup.restore import restore_backup
from models.backup.row_counts import describe
from models.database import make_engine
from models.migrate import migrate
from models.migrations.backfill import BackfillError
from models.postgres_process.errors import EmbeddedPostgresError
from models.readiness import NotReadyError, check_readiness
from services.accounts.deletion import complete_pending_deletions

_INTERRUPTED = 130  # exit status of a command that a signal stopped


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. Errors at startup are printed as one line on standard error."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _exit_on_signal if options.command == "serve" else _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
        signal.signal(signal.SIGHUP, _terminate_on_signal)
    configure_logging()
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except (SettingsError, ListenError, NotReadyError, EmbeddedPostgresError, BackfillError, BackupError) as error:
        print(f"todo: cannot {_action(options)}: {error}", file=sys.stderr)
        return 1
    except DBAPIError as error:
        cause = str(error.orig).partition("\nCONTEXT:")[0].strip()  # of an error that a migration raises
        print(f"todo: cannot {_action(options)}: {cause}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0 if options.command == "serve" else _INTERRUPTED
    return 0


def _action(options: argparse.Namespace) -> str:
    return "run maintenance" if options.command == "maintenance" else str(options.command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="todo", description="Todo back end with a REST API and a GraphQL API on PostgreSQL.")
    parser.add_argument(
        "--version", action="version", version=f"todo {version('todo-backend')}", help="print the version and exit"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve the REST API and the GraphQL API")
    serve.add_argument("--host", help="address to listen on; overrides HOST")
    serve.add_argument("--port", help="port to listen on, 0 to 65535; overrides PORT")
    serve.add_argument("--workers", help="number of worker processes, 1 to 64; overrides WORKERS")
    serve.add_argument("--migrate", action="store_true", help="migrate the database first")
    serve.set_defaults(run=_serve)
    for name, run, text in (
        ("migrate", _migrate, "migrate the database, as the owner of its tables"),
        ("maintenance", _maintenance, "complete the pending deletions of accounts, as the owner of the tables"),
        ("schema", _schema, "print the GraphQL schema"),
        ("openapi", _openapi, "print the OpenAPI document"),
    ):
        commands.add_parser(name, help=text).set_defaults(run=run)
    _add_file_command(commands, "backup", _backup, "write all data into FILE", force="overwrite FILE if it exists")
    _add_file_command(
        commands, "restore", _restore, "restore FILE into an empty database", force="first delete all rows of the database"
    )
    return parser


def _add_file_command(commands: Any, name: str, run: Callable[[argparse.Namespace], None], text: str, *, force: str) -> None:
    command = commands.add_parser(name, help=text, description=f"{text}, as the owner of the tables".capitalize())
    command.add_argument("file", metavar="FILE", type=Path, help="the file of the backup")
    command.add_argument("--force", action="store_true", help=force)
    command.set_defaults(run=run)


def _serve(options: argparse.Namespace) -> None:
    settings = load_settings(configure_logging, **_overrides(options))
    if settings.migration_database_url is not None and settings.database_url is None:
        raise SettingsError("MIGRATION_DATABASE_URL is set, but DATABASE_URL is not; set DATABASE_URL to serve that database")
    if settings.graphql_persisted_documents:
        build_executor(settings)  # Fails here with one line; in the workers, each one would print a traceback.
    with bound_sockets(settings.host, settings.port) as sockets, running_database(settings) as (owner, service):
        if options.migrate or settings.database_url is None:
            migrate(owner)
        settings = settings.model_copy(update={"database_url": SecretStr(service), "port": socket_port(sockets[0])})
        with open_container(settings):  # Fails here with one line; in uvicorn, it would print a traceback.
            listen(sockets, settings.host)
        _print_urls(settings)
        # Worker processes read their settings from the environment.
        os.environ["DATABASE_URL"] = service
        run_server(settings, sockets)


def _migrate(_: argparse.Namespace) -> None:
    settings = load_settings(configure_logging)
    with migration_database(settings) as (owner, description):
        before, after = migrate(owner)
    change = f"already at {after}" if before == after else f"migrated from {before or 'an empty database'} to {after}"
    print(f"{description}: {change}")


def _maintenance(_: argparse.Namespace) -> None:
    settings = load_settings(configure_logging)
    with maintenance_database(settings) as (database, description):
        completed, left = complete_pending_deletions(database)
    print(f"{description}: {completed} account deletions completed, {left} left to running services")


def _backup(options: argparse.Namespace) -> None:
    settings = load_settings(configure_logging)
    with migration_database(settings) as (owner, description):
        backup = create_backup(owner, options.file, os.environ, overwrite=options.force)
    print(f"{description}: version {backup.version} written to {options.file}, {describe(backup.rows)}")
    if backup.left_out:
        print(f"Not part of the backup: {', '.join(backup.left_out)}")


def _restore(options: argparse.Namespace) -> None:
    settings = load_settings(configure_logging)
    with migration_database(settings) as (owner, description):
        restored = restore_backup(owner, options.file, os.environ, delete_rows=options.force)
        if sum(restored.deleted.values()):
            print(f"{description}: deleted {describe(restored.deleted)}")
        _, version = migrate(owner)
        _check_restored(settings.database_url.get_secret_value() if settings.database_url else owner)
    print(f"{description}: restored {describe(restored.rows)} of version {restored.version}, now at {version}")


def _check_restored(url: str) -> None:
    engine = make_engine(url, pool_size=1)
    try:
        check_readiness(engine)
    except NotReadyError as error:
        raise NotReadyError(f"the rows are restored, but the service cannot use them yet: {error}") from error
    finally:
        engine.dispose()


def _schema(_: argparse.Namespace) -> None:
    print(build_schema().as_str())


def _openapi(_: argparse.Namespace) -> None:
    document = create_app(Settings.model_construct()).openapi()
    print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def _overrides(options: argparse.Namespace) -> dict[str, str]:
    return {name: getattr(options, name) for name in ("host", "port", "workers") if getattr(options, name) is not None}


def _print_urls(settings: Settings) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base_url = f"http://{host}:{settings.port}"
    pages = (
        f"  Docs       {base_url}/docs\n  Explorer   {base_url}/graphql\n"
        if settings.docs_enabled
        else f"  GraphQL    {base_url}/graphql\n"
    )
    print(f"\n  API        {base_url}/api\n{pages}", flush=True)


def _exit_on_signal(_signal: int, _frame: FrameType | None) -> None:
    """Exit normally: uvicorn raises the signal again after its shutdown, and the database must be stopped after that."""
    raise SystemExit(0)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Stop a command that did not finish, with an exit status that says so."""
    raise SystemExit(_INTERRUPTED)


def _terminate_on_signal(_signal: int, _frame: FrameType | None) -> None:
    """Stop as after SIGTERM: SIGHUP means that the terminal was closed."""
    signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
