"""Rows of one user for every table. A table without rows here fails the tests."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg2

from models.columns import with_computed_columns
from models.scopes import Scope
from models.tables import TABLES
from services.auth.opaque_tokens import API_TOKEN_PREFIX, REFRESH_TOKEN_PREFIX, hash_secret
from services.auth.password_hashing import PasswordHasher
from tests.support.service import PostgresServer, run_sql
from tests.support.users import PASSWORD

Row = dict[str, Any]

_MODELS = {str(table.__tablename__): table for table in TABLES}
TABLE_NAMES = [str(table.__tablename__) for table in TABLES]
ADA, EVE = "ada", "eve"
_NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
_HASH = PasswordHasher(1).hash(PASSWORD)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def owner_column(table: str) -> str:
    """Return the owner column of a table; an account is its own owner."""
    return "id" if table == "user" else "user_id"


def row_id(kind: str, salt: str) -> str:
    """Return the same id for the same kind and salt for every user: users may choose their ids."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{salt} {kind}"))


def refresh_token(user_id: str, salt: str = "") -> str:
    """Return the refresh token of the user's session."""
    return f"{REFRESH_TOKEN_PREFIX}{salt}{user_id}.secret"


def api_token(user_id: str, salt: str = "") -> str:
    """Return the API token of the user."""
    return f"{API_TOKEN_PREFIX}{salt}{user_id}"


def rows_for_user(user_id: str, salt: str = "") -> Mapping[str, list[Row]]:
    """Return the user's rows by table, parents before children. The same salt gives the same ids."""
    owner = {"user_id": user_id}
    name = user_id[:30]

    def versioned(kind: str) -> Row:
        return {**owner, "id": row_id(kind, salt), "created_at": _NOW, "updated_at": _NOW, "revision": 1, "deleted_at": None}

    def task(kind: str, parent: str | None) -> Row:
        position_columns = {"list_id": row_id("list", salt), "parent_id": parent and row_id(parent, salt), "position": 1.0}
        state = {"status": "pending", "priority": "none", "completed_at": None}
        return {**versioned(kind), **position_columns, **state, "title": f"{kind} of {name}", "description": f"secret of {name}"}

    def credential(kind: str) -> Row:
        return {**owner, "id": row_id(kind, salt), "created_at": _NOW, "last_used_at": _NOW, "expires_at": _NEVER}

    session = {
        "handle_hash": hash_secret(f"{salt}{name}"),
        "current_hash": hash_secret("secret"),
        "previous_hash": None,
        "salt": None,
    }
    api_token_columns = {
        "name": f"token of {name}",
        "scopes": [*map(str, Scope)],
        "token_hash": hash_secret(api_token(user_id, salt)),
    }
    account = {
        "id": user_id,
        "email": f"{row_id('email', user_id)}@example.com",  # the ids may differ in case only, but not the e-mails
        "name": f"name of {name}",
        "password_hash": _HASH,
    }
    rows = {
        "user": [{**account, "is_active": True, "created_at": _NOW, "updated_at": _NOW}],
        "user_revision": [{**owner, "revision": 7, "purged_revision": 0, "stamped_at": _NOW}],
        "deleted_user": [{**owner, "deleted_at": _NOW}],
        "account_deletion": [{**owner, "requested_at": _NOW}],
        "login_session": [{**credential("session"), "device": f"device of {name}", **session, "rotated_at": _NOW}],
        "api_token": [
            {**credential("token"), **api_token_columns},
            {**credential("old token"), **api_token_columns, "token_hash": "", "expires_at": _NOW},
        ],
        "task_list": [{**versioned("list"), "name": f"list of {name}", "color": None, "position": 1.0}],
        "tag": [{**versioned("tag"), "name": f"tag {salt} of {name}", "color": None}],
        "task": [task("task", None), task("subtask", "task")],
        "task_tag": [{**owner, "task_id": row_id(kind, salt), "tag_id": row_id("tag", salt)} for kind in ("task", "subtask")],
        "comment": [{**versioned("comment"), "task_id": row_id("task", salt), "body": f"comment of {name}"}],
    }
    return {table: [with_computed_columns(_MODELS[table], row) for row in rows[table]] for table in rows}


def insert_statement(table: str, row: Row) -> tuple[str, list[object]]:
    """Return an INSERT statement and its values."""
    columns, placeholders = ", ".join(row), ", ".join(["%s"] * len(row))
    return f'INSERT INTO "{table}" ({columns}) VALUES ({placeholders})', list(row.values())


def insert_rows_sql(database: PostgresServer, *row_sets: Mapping[str, list[Row]]) -> str:
    """Return the SQL that inserts rows into a database."""
    inserts = [
        insert_statement(table, row) for rows_by_table in row_sets for table, rows in rows_by_table.items() for row in rows
    ]
    connection = psycopg2.connect(database.owner)
    with connection.cursor() as cursor:
        script = "; ".join(cursor.mogrify(*insert).decode() for insert in inserts)
    connection.close()
    return script


def insert_rows(database: PostgresServer, *row_sets: Mapping[str, list[Row]]) -> None:
    """Insert rows as the owner of the database."""
    run_sql(database.owner, insert_rows_sql(database, *row_sets))


def dump_user_rows(database: PostgresServer, user_id: str, tables: Sequence[str] = TABLE_NAMES) -> dict[str, list[Row]]:
    """Return all rows of a user by table, regardless of row-level security."""
    selects = (f"SELECT '{table}', to_jsonb(row) FROM \"{table}\" AS row WHERE {owner_column(table)} = %s" for table in tables)
    rows = run_sql(database.owner, f"{' UNION ALL '.join(selects)} ORDER BY 1, 2", *[user_id] * len(tables))
    return {table: [row for name, row in rows if name == table] for table in tables}
