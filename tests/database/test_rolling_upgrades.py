"""Rolling upgrades: code of the previous release stays ready on the schema of the next one, because migrations only add to it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from models import migrate as migrations
from models.database import make_engine, parse_url
from models.migrate import migrate, newest_version
from models.readiness import NotReadyError, check_readiness
from tests.support.api_clients import TLS, RestClient
from tests.support.service import PostgresServer, run_service, run_sql, settings_for
from tests.support.users import TestUser

COLUMNS_SQL = """
SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, atthasdef OR attidentity <> ''
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version' AND attnum > 0 AND NOT attisdropped
"""
POLICIES_SQL = "SELECT tablename, policyname, roles, cmd, qual, with_check FROM pg_policies WHERE schemaname = 'public'"
# Rules that rows must follow: constraints, and unique indexes without a constraint.
RULES_SQL = """
SELECT relname, conname, pg_get_constraintdef(pg_constraint.oid),
       ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey))::text[]
FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE relnamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u', 'x')
UNION ALL
SELECT pg_class.relname, index_relation.relname, pg_get_indexdef(indexrelid),
       ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey))::text[]
FROM pg_index JOIN pg_class ON pg_class.oid = indrelid JOIN pg_class AS index_relation ON index_relation.oid = indexrelid
WHERE pg_class.relnamespace = 'public'::regnamespace AND indisunique AND NOT indisprimary
"""
VERSIONS = [script.revision for script in reversed(list(migrations._scripts()))]


class Schema:
    """Columns, policies and rules of the tables of a database."""

    def __init__(self, url: str) -> None:
        self.columns = {(table, name): tuple(rest) for table, name, *rest in run_sql(url, COLUMNS_SQL)}
        self.policies = {tuple(map(str, row)) for row in run_sql(url, POLICIES_SQL)}
        self.rules = {(table, name, text): set(columns) for table, name, text, columns in run_sql(url, RULES_SQL)}

    def breaking_changes(self, after: "Schema") -> Iterator[str]:
        """Yield the differences with which code for this schema cannot work."""
        tables = {table for table, _ in self.columns}
        for key, (type_, is_required, _) in self.columns.items():
            new = after.columns.get(key)
            if new is None or new[0] != type_ or (new[1] and not is_required):
                yield f"{key} was removed, changed its type or became required"
        for key, (_, is_required, has_default) in after.columns.items():
            if key[0] in tables and key not in self.columns and is_required and not has_default:
                yield f"{key} is required and has no default"
        for table, name, *_ in self.policies ^ {policy for policy in after.policies if policy[0] in tables}:
            yield f"the policy {name} on {table} was added, changed or removed"
        for (table, name, text), columns in after.rules.items():
            if (table, name, text) not in self.rules and {(table, column) for column in columns} & self.columns.keys():
                yield f"{name} restricts existing columns of {table}"


def upgrade(database: PostgresServer, version: str) -> None:
    engine = create_engine(parse_url(database.owner).set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    with engine.begin() as connection:
        migrations._upgrade(connection, version)


def is_rolling(version: str) -> bool:
    [script] = [script for script in migrations._scripts() if script.revision == version]
    return bool(getattr(script.module, "is_rolling", True))


def test_migrations_only_add_unless_they_are_declared_as_not_rolling(postgres: PostgresServer) -> None:
    """Declare `is_rolling = False` in the script, and name it in docs/guides/deployment.md, if this fails."""
    database = postgres.copy("template0")
    upgrade(database, VERSIONS[0])
    before = Schema(database.owner)
    found = {}
    for version in VERSIONS[1:]:
        upgrade(database, version)
        after = Schema(database.owner)
        found[version] = list(before.breaking_changes(after))
        before = after

    assert {version: changes for version, changes in found.items() if changes and is_rolling(version)} == {}
    assert [version for version, changes in found.items() if not changes and not is_rolling(version)] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("ALTER TABLE comment DROP COLUMN body", "removed"),
        ("ALTER TABLE task RENAME COLUMN description TO text", "removed"),
        ("ALTER TABLE tag ALTER COLUMN color TYPE varchar(8)", "changed its type"),
        ("ALTER TABLE tag ALTER COLUMN color SET NOT NULL", "became required"),
        ("ALTER TABLE tag ADD COLUMN x text NOT NULL", "no default"),
        ("ALTER TABLE tag ADD CHECK (color <> 'red')", "restricts existing columns"),
        ("CREATE UNIQUE INDEX ON tag (user_id, color)", "restricts existing columns"),
        ("ALTER POLICY owner_only ON tag USING (true)", "policy owner_only"),
        ("CREATE POLICY x ON tag USING (true)", "policy x"),
        ("DROP TABLE comment", "removed"),
    ],
)
def test_breaking_changes_are_found(database: PostgresServer, change: str, message: str) -> None:
    before = Schema(database.owner)
    run_sql(database.owner, change)

    assert any(message in found for found in before.breaking_changes(Schema(database.owner)))


def test_additions_are_no_breaking_changes(database: PostgresServer) -> None:
    before = Schema(database.owner)
    for addition in (
        "ALTER TABLE tag ADD COLUMN note text, ADD COLUMN uses int NOT NULL DEFAULT 0, ADD CHECK (uses >= 0)",
        "CREATE TABLE note (id int PRIMARY KEY, text text NOT NULL UNIQUE)",
        "ALTER TABLE note ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY owner_only ON note USING (true)",
        "CREATE INDEX ON tag (user_id, color)",
        "ALTER TABLE task DROP CONSTRAINT ck_task_priority",
    ):
        run_sql(database.owner, addition)

    assert list(before.breaking_changes(Schema(database.owner))) == []


NEXT_RELEASE = """
from alembic import op
revision, down_revision = "9001", "{newest}"
locks = "nothing"
is_rolling = {is_rolling}
def upgrade():
    op.execute("ALTER TABLE task ADD COLUMN mood text")
    op.execute("CREATE TABLE note (user_id text PRIMARY KEY)")
"""


def migrate_with_next_release(database: PostgresServer, folder: Path, *, is_rolling: bool) -> None:
    (folder / "9001_next.py").write_text(NEXT_RELEASE.format(newest=newest_version(), is_rolling=is_rolling))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "_VERSION_FOLDERS", [*migrations._VERSION_FOLDERS, folder])
        assert migrate(database.owner)[1] == "9001"


def test_service_serves_and_stays_ready_on_the_schema_of_the_next_release(database: PostgresServer, tmp_path: Path) -> None:
    with (
        run_service(settings_for(database), database) as running,
        RestClient(running.url, TestUser.register(running.url).token) as client,
    ):
        client.create("task", title="before")
        migrate_with_next_release(database, tmp_path, is_rolling=True)

        assert httpx.get(f"{running.url}/ready", verify=TLS).status_code == 200
        assert client.create("task", title="after")["title"] == "after"
    assert migrate(database.owner) == ("9001", "9001"), "the previous release has nothing to do"
    with run_service(settings_for(database), database) as restarted:
        assert TestUser.register(restarted.url)


def test_service_is_not_ready_after_a_migration_that_is_not_rolling(database: PostgresServer, tmp_path: Path) -> None:
    migrate_with_next_release(database, tmp_path, is_rolling=False)
    engine = make_engine(database.service, pool_size=1)

    with pytest.raises(NotReadyError, match="at version 9001, which requires code of version 9001 or newer, not "):
        check_readiness(engine)
    engine.dispose()
