"""Baseline handwritten SQL: the nested query as the SELECTs that the query engine sends, plain dicts and orjson.

It is the lower bound for the cost of a query engine: no GraphQL, no query plan, no log line. Row-level security is on.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from anyio import to_thread
from fastapi import FastAPI, Response
from psycopg2.pool import ThreadedConnectionPool

from bench.baselines.auth import CurrentUser, database_url
from bench.users import PAGE_SIZE, POOL_SIZE

_OPEN = """
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL ROLE todo_app; SET LOCAL TimeZone = 'UTC';
SET LOCAL statement_timeout = 15000; SET LOCAL app.user_id = %(user)s;
SELECT account.is_active, counter.revision, transaction_timestamp()
FROM "user" AS account JOIN user_revision AS counter ON counter.user_id = account.id WHERE account.id = %(user)s
"""
_LISTS = """
SELECT id, name FROM task_list WHERE user_id = %(user)s AND deleted_at IS NULL ORDER BY position, id LIMIT 50
"""
_TASKS = """
SELECT child.*, parent.position
FROM unnest(%(lists)s::uuid[]) WITH ORDINALITY AS parent (key, position) JOIN LATERAL (
  SELECT id, title, status = 'completed', upper(priority), created_at
  FROM task WHERE user_id = %(user)s AND deleted_at IS NULL AND list_id = parent.key
  ORDER BY created_at DESC, id DESC LIMIT %(page)s
) AS child ON true ORDER BY child.created_at DESC, child.id DESC
"""
_TAGS = """
SELECT id, name, color, tagged.positions
FROM tag JOIN (
  SELECT tag_id, array_agg(parent.position) AS positions
  FROM unnest(%(tasks)s::uuid[]) WITH ORDINALITY AS parent (key, position)
  JOIN task_tag ON task_tag.user_id = %(user)s AND task_id = parent.key GROUP BY tag_id
) AS tagged ON id = tagged.tag_id
WHERE user_id = %(user)s AND deleted_at IS NULL ORDER BY lower(name), id
"""


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = POOL_SIZE
    app.state.pool = ThreadedConnectionPool(POOL_SIZE, POOL_SIZE, database_url())
    yield
    app.state.pool.closeall()


app = FastAPI(lifespan=_lifespan)


@app.get("/nested")
async def nested(user_id: CurrentUser) -> Response:
    """Return the result of the nested query, which one worker thread reads."""
    return Response(await to_thread.run_sync(_read, user_id), media_type="application/json")


def _read(user_id: str) -> bytes:
    pool: ThreadedConnectionPool = app.state.pool
    connection = pool.getconn()
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(_OPEN, {"user": user_id})
            lists = _lists(cursor, user_id)
            cursor.execute("COMMIT")
    finally:
        pool.putconn(connection)
    return orjson.dumps({"data": {"lists": {"nodes": lists}}}, option=orjson.OPT_UTC_Z)


def _lists(cursor: Any, user_id: str) -> list[dict[str, Any]]:
    cursor.execute(_LISTS, {"user": user_id})
    lists = [{"id": list_id, "name": name, "tasks": {"nodes": []}} for list_id, name in cursor.fetchall()]
    keys = "{" + ",".join(row["id"] for row in lists) + "}"

    cursor.execute(_TASKS, {"user": user_id, "lists": keys, "page": PAGE_SIZE})
    tasks = []
    for task_id, title, completed, priority, created_at, position in cursor.fetchall():
        task = {
            "id": task_id,
            "title": title,
            "completed": completed,
            "priority": priority,
            "createdAt": created_at,
            "tags": [],
        }
        tasks.append(task)
        lists[position - 1]["tasks"]["nodes"].append(task)
    keys = "{" + ",".join(task["id"] for task in tasks) + "}"

    cursor.execute(_TAGS, {"user": user_id, "tasks": keys})
    for tag_id, name, color, positions in cursor.fetchall():
        tag = {"id": tag_id, "name": name, "color": color}
        for position in positions:
            tasks[position - 1]["tags"].append(tag)
    return lists
