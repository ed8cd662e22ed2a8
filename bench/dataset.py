"""Benchmark dataset: 1,000 readers x 10 lists x 20 tasks x 3 tags, 200 writers with the same rows, and users for scaling."""

from collections.abc import Iterator
from contextlib import closing

import psycopg2

from bench.users import LIST, LISTS, READERS, SCALING_USERS, SESSION, TAG, TAGS, TAGS_PER_TASK, TASK, TASKS, WRITERS

_VERBS = ("Buy", "Call", "Review", "Write", "Repair", "Plan", "Cancel", "Return", "Clean", "Prepare", "Book")
_OBJECTS = (
    "the oat milk and the bread",
    "the plumber about the kitchen tap",
    "the slides for Thursday's meeting",
    "birthday card",
    "train tickets to Zürich",
    "quarterly report, second draft",
    "winter tyres",
)
_DESCRIPTION = (
    "Check first whether this has been done already; the notes of last time are in the blue folder. "
    "It should be finished before the weekend, or at least be in progress."
)
_LIST_NAMES = ("Groceries", "Work", "Study", "Garden", "Reading", "Travel", "Health", "Money", "Friends", "Some day")
_TAG_NAMES = ("home", "chores", "waiting", "phone", "Deep work", "5 minutes", "with Ada", "outdoors")

# Each statement inserts the rows of all users from `first` to `last`.
_STATEMENTS = (
    """
    INSERT INTO "user" (id, email, email_key, name, is_active, created_at, updated_at)
    SELECT user_id, user_id || '@example.com', user_id || '@example.com', initcap(user_id), true, %(created_at)s, %(created_at)s
    FROM (SELECT 'bench-' || lpad(u::text, 4, '0') FROM generate_series(%(first)s, %(last)s) u) AS users (user_id)
    """,
    """
    INSERT INTO user_revision (user_id, revision, purged_revision)
    SELECT 'bench-' || lpad(u::text, 4, '0'), 1, 0 FROM generate_series(%(first)s, %(last)s) u
    """,
    """
    INSERT INTO login_session (user_id, id, created_at, last_used_at, expires_at, handle_hash, current_hash)
    SELECT 'bench-' || lpad(u::text, 4, '0'), pg_temp.row_id(%(session)s, u, 0), %(created_at)s, %(created_at)s,
           now() + interval '7 days', 'bench-' || u, ''
    FROM generate_series(%(first)s, %(last)s) u
    """,
    """
    INSERT INTO task_list (user_id, id, name, name_sort_key, color, position, created_at, updated_at, revision)
    SELECT 'bench-' || lpad(u::text, 4, '0'), pg_temp.row_id(%(list)s, u, l), (%(list_names)s::text[])[l + 1],
           lower((%(list_names)s::text[])[l + 1]),
           CASE WHEN l %% 3 > 0 THEN '#2e7d32' END, l + 1, %(created_at)s, %(created_at)s, 1
    FROM generate_series(%(first)s, %(last)s) u, generate_series(0, %(lists)s - 1) l
    """,
    """
    INSERT INTO tag (user_id, id, name, name_key, name_sort_key, color, created_at, updated_at, revision)
    SELECT 'bench-' || lpad(u::text, 4, '0'), pg_temp.row_id(%(tag)s, u, g), (%(tag_names)s::text[])[g + 1],
           lower((%(tag_names)s::text[])[g + 1]), lower((%(tag_names)s::text[])[g + 1]),
           CASE WHEN g %% 4 > 0 THEN '#0b5fff' END, %(created_at)s, %(created_at)s, 1
    FROM generate_series(%(first)s, %(last)s) u, generate_series(0, %(tags)s - 1) g
    """,
    """
    INSERT INTO task (user_id, id, list_id, title, title_sort_key, description, search_lexemes, status, priority, completed_at,
                      position, created_at, updated_at, revision)
    SELECT 'bench-' || lpad(u::text, 4, '0'), pg_temp.row_id(%(task)s, u, t), pg_temp.row_id(%(list)s, u, t / %(tasks)s),
           title, translate(lower(title), 'ü', 'u'), description,
           setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', coalesce(description, '')), 'B'),
           CASE t %% 5 WHEN 0 THEN 'completed' WHEN 1 THEN 'in_progress' ELSE 'pending' END,
           (ARRAY['none', 'low', 'medium', 'high', 'urgent'])[1 + (t + u) %% 5],
           CASE WHEN t %% 5 = 0 THEN created_at + interval '2 days' END, t + 1, created_at, created_at, 1
    FROM generate_series(%(first)s, %(last)s) u, generate_series(0, %(lists)s * %(tasks)s - 1) t,
         LATERAL (SELECT %(created_at)s::timestamptz + t * interval '47 minutes 11.123457 seconds' AS created_at) AS timestamps,
         LATERAL (
           SELECT (%(verbs)s::text[])[1 + (t * 7 + u) %% array_length(%(verbs)s::text[], 1)]
                    || ' ' || (%(objects)s::text[])[1 + (t * 5 + u) %% array_length(%(objects)s::text[], 1)] AS title,
                  CASE WHEN t %% 3 > 0 THEN left(%(description)s, 40 + (t * 13 + u) %% 120) END AS description
         ) AS texts
    """,
    """
    INSERT INTO task_tag (user_id, task_id, tag_id)
    SELECT 'bench-' || lpad(u::text, 4, '0'), pg_temp.row_id(%(task)s, u, t), pg_temp.row_id(%(tag)s, u, (t + g * 3) %% %(tags)s)
    FROM generate_series(%(first)s, %(last)s) u, generate_series(0, %(lists)s * %(tasks)s - 1) t,
         generate_series(0, %(tags_per_task)s - 1) g
    """,
)
# The baselines do not write the keys of texts.
_BASELINE_DEFAULTS = "ALTER TABLE task ALTER title_sort_key SET DEFAULT '', ALTER search_lexemes SET DEFAULT ''"
_ROW_ID = """
CREATE FUNCTION pg_temp.row_id(kind int, user_number int, number int) RETURNS uuid IMMUTABLE LANGUAGE sql AS $$
  SELECT (lpad(to_hex(kind), 8, '0') || lpad(to_hex(user_number), 4, '0') || '70008000' || lpad(to_hex(number), 12, '0'))::uuid
$$
"""


def load(owner_url: str) -> None:
    """Insert the dataset into the migrated database, as its owner."""
    with closing(psycopg2.connect(owner_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            # The rows are valid by construction; checking two million references would take most of the time.
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(_ROW_ID)
            for first, last, tasks in _user_ranges():
                for statement in _STATEMENTS:
                    cursor.execute(statement, {"first": first, "last": last, "tasks": tasks, **_CONSTANTS})
            cursor.execute(_BASELINE_DEFAULTS)
            # The visibility map comes from VACUUM; without it index-only scans would read the table in the first rounds.
            cursor.execute("VACUUM ANALYZE")


def _user_ranges() -> Iterator[tuple[int, int, int]]:
    """Yield first user, last user, tasks per list."""
    yield READERS[0], WRITERS[-1], TASKS
    for tasks, number in SCALING_USERS.items():
        yield number, number, tasks


_CONSTANTS = {
    "created_at": "2026-01-05T09:30:00.123456Z",
    "list": LIST,
    "session": SESSION,
    "task": TASK,
    "tag": TAG,
    "lists": LISTS,
    "tags": TAGS,
    "tags_per_task": TAGS_PER_TASK,
    "verbs": list(_VERBS),
    "objects": list(_OBJECTS),
    "description": _DESCRIPTION,
    "list_names": list(_LIST_NAMES),
    "tag_names": list(_TAG_NAMES),
}
