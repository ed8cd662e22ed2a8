"""Large accounts, and the progress of their deletion."""

import time

from tests.support.service import PostgresServer, run_sql
from tests.support.table_rows import TABLE_NAMES, insert_rows, owner_column, rows_for_user


def insert_tasks(database: PostgresServer, user_id: str, count: int, *, chain: bool = False) -> None:
    """Insert tasks with one comment each; with `chain`, each task is a subtask of the one before."""
    run_sql(
        database.owner,
        """INSERT INTO task (user_id, id, parent_id, title, title_sort_key, search_lexemes, status, priority, position,
                             created_at, updated_at, revision)
           SELECT %s, ('00000000-0000-7000-8000-' || lpad(number::text, 12, '0'))::uuid,
                  CASE WHEN %s AND number > 1 THEN ('00000000-0000-7000-8000-' || lpad((number - 1)::text, 12, '0'))::uuid END,
                  'x', 'x', '', 'pending', 'none', number, now(), now(), 1 FROM generate_series(1, %s) AS number""",
        user_id,
        chain,
        count,
    )
    run_sql(
        database.owner,
        """INSERT INTO comment (user_id, id, task_id, body, created_at, updated_at, revision)
           SELECT user_id, id, id, 'x', now(), now(), 1 FROM task WHERE user_id = %s AND title = 'x'""",
        user_id,
    )


def mark_deleted(database: PostgresServer, *user_ids: str) -> None:
    """Insert the rows of users, and do what the first transaction of a deletion does to the revision counter."""
    insert_rows(database, *(rows_for_user(user_id) for user_id in user_ids))
    for user_id in user_ids:
        run_sql(database.owner, "DELETE FROM user_revision WHERE user_id = %s", user_id)


def remaining_rows(database: PostgresServer, user_id: str) -> dict[str, int]:
    """Return the number of rows of a user in each table that has any, without the tombstone of the account."""
    tables = [table for table in TABLE_NAMES if table != "deleted_user"]
    counts = (f"SELECT '{table}', count(*) FROM \"{table}\" WHERE {owner_column(table)} = %s" for table in tables)
    rows = run_sql(database.owner, " UNION ALL ".join(counts), *[user_id] * len(tables))
    return {table: count for table, count in rows if count}


def wait_until_deleted(database: PostgresServer, user_id: str) -> None:
    """Wait until the user has no rows any more."""
    deadline = time.monotonic() + 30
    while remaining := remaining_rows(database, user_id):
        assert time.monotonic() < deadline, remaining
        time.sleep(0.02)
