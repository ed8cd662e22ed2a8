"""Keys of texts in existing rows, and texts in NFC.

A tag whose name has the key of an older tag of its owner is renamed: x (2). Of accounts whose e-mails have the same key, the
oldest has the key, and the others have none: they log in by the exact e-mail. A text stays as it is if its NFC would be too long.
"""

import string
from collections.abc import Iterator, Sequence
from functools import partial

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection, Row, text
from sqlalchemy.dialects.postgresql import TSVECTOR

from models.migrations.backfill import Backfill
from models.text.folding import identity_key, sort_key, to_nfc
from models.text.lexemes import task_lexemes

revision = "0007"
down_revision = "0007a"
is_rolling = False  # older code inserts no keys, and refuses the new policy for logging in

locks = (
    "all access to user, api_token, task_list, tag, task and comment while they are checked for unfilled rows "
    "(about a second for 200,000 tasks), and writes to user and tag while their unique indexes are built; no row is rewritten"
)

MAX_EMAIL, MAX_PERSON_NAME, MAX_TOKEN_NAME = 254, 100, 100
MAX_TITLE, MAX_DESCRIPTION, MAX_LIST_NAME, MAX_TAG_NAME = 200, 2000, 100, 50
NO_KEY = ""  # of accounts without a key, until all are filled

USERS = text(
    'SELECT id, email FROM "user" WHERE email IS NOT NULL AND email_key IS NULL ORDER BY created_at, id LIMIT :limit FOR UPDATE'
)
USED_EMAILS = text('SELECT email, email_key FROM "user" WHERE email = ANY(:emails) OR email_key = ANY(:keys)')
UPDATE_USERS = text("""
    UPDATE "user" SET email = filled.email, email_key = filled.email_key
    FROM unnest(cast(:ids AS text[]), cast(:emails AS text[]), cast(:keys AS text[])) AS filled (id, email, email_key)
    WHERE "user".id = filled.id
""")
# Rows that another transaction changes are filled later, so that there is no deadlock with it.
TASKS = text("SELECT user_id, id, title, description FROM task WHERE title_sort_key IS NULL LIMIT :limit FOR UPDATE SKIP LOCKED")
UPDATE_TASKS = text("""
    UPDATE task
    SET title = filled.title, description = filled.description, title_sort_key = filled.title_sort_key,
        search_lexemes = cast(filled.search_lexemes AS tsvector)
    FROM unnest(cast(:owners AS text[]), cast(:ids AS uuid[]), cast(:titles AS text[]), cast(:descriptions AS text[]),
                cast(:sort_keys AS text[]), cast(:lexemes AS text[]))
         AS filled (user_id, id, title, description, title_sort_key, search_lexemes)
    WHERE (task.user_id, task.id) = (filled.user_id, filled.id)
""")
LISTS = text("SELECT user_id, id, name FROM task_list WHERE name_sort_key IS NULL LIMIT :limit FOR UPDATE SKIP LOCKED")
UPDATE_LISTS = text("""
    UPDATE task_list SET name = filled.name, name_sort_key = filled.name_sort_key
    FROM unnest(cast(:owners AS text[]), cast(:ids AS uuid[]), cast(:names AS text[]), cast(:sort_keys AS text[]))
         AS filled (user_id, id, name, name_sort_key)
    WHERE (task_list.user_id, task_list.id) = (filled.user_id, filled.id)
""")
OWNERS_OF_TAGS = text(
    "SELECT DISTINCT user_id FROM (SELECT user_id FROM tag WHERE name_key IS NULL LIMIT :limit) AS unfilled ORDER BY user_id"
)
LOCK_OWNER = text("SELECT revision FROM user_revision WHERE user_id = :owner FOR UPDATE")
TAGS = text("""
    SELECT id, name, deleted_at IS NULL AS is_active, name_key IS NOT NULL AS is_filled FROM tag
    WHERE user_id = :owner ORDER BY name_key IS NULL, created_at, id FOR UPDATE
""")
UPDATE_TAG = text("""
    UPDATE tag SET name = :name, name_key = :name_key, name_sort_key = :name_sort_key
    WHERE user_id = :owner AND id = cast(:id AS uuid)
""")
# Clients get the new names, because the rows have a new revision.
BUMP_TAGS = text("""
    WITH next AS (
        UPDATE user_revision SET revision = revision + 1, stamped_at = greatest(clock_timestamp(), stamped_at)
        WHERE user_id = :owner RETURNING user_id, revision, stamped_at
    )
    UPDATE tag SET revision = next.revision, updated_at = next.stamped_at
    FROM next WHERE tag.user_id = next.user_id AND tag.id = ANY(cast(:ids AS uuid[]))
""")


def limited_nfc(value: str, max_length: int) -> str:
    """Return the text in NFC, or unchanged if that is too long."""
    normalized = to_nfc(value)
    return normalized if len(normalized) <= max_length else value


def fill_users(connection: Connection, limit: int) -> int:
    """Fill the e-mails and their keys, of the oldest accounts first."""
    rows = connection.execute(USERS, {"limit": limit}).all()
    if rows:
        emails, keys = zip(*distinct_emails(connection, rows), strict=True)
        connection.execute(UPDATE_USERS, {"ids": [row.id for row in rows], "emails": list(emails), "keys": list(keys)})
    return len(rows)


def distinct_emails(connection: Connection, rows: Sequence[Row[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    """Yield the e-mail and the key of each account. Both are unique: an e-mail that NFC makes equal to another one stays."""
    wanted = {"emails": [to_nfc(row.email) for row in rows], "keys": [identity_key(row.email) for row in rows]}
    used = connection.execute(USED_EMAILS, wanted).all()
    used_emails, used_keys = {row.email for row in used}, {row.email_key for row in used}
    for row in rows:
        email, key = limited_nfc(row.email, MAX_EMAIL), identity_key(row.email)
        if key in used_keys or len(key) > MAX_EMAIL:
            yield row.email, NO_KEY
            continue
        used_keys.add(key)
        kept = row.email if email in used_emails else email
        used_emails.add(kept)
        yield kept, key


def fill_tasks(connection: Connection, limit: int) -> int:
    """Fill the texts of tasks and their keys."""
    rows = connection.execute(TASKS, {"limit": limit}).all()
    if rows:
        filled = {
            "owners": [row.user_id for row in rows],
            "ids": [str(row.id) for row in rows],
            "titles": [limited_nfc(row.title, MAX_TITLE) for row in rows],
            "descriptions": [row.description and limited_nfc(row.description, MAX_DESCRIPTION) for row in rows],
            "sort_keys": [sort_key(row.title) for row in rows],
            "lexemes": [task_lexemes(row.title, row.description) for row in rows],
        }
        connection.execute(UPDATE_TASKS, filled)
    return len(rows)


def fill_lists(connection: Connection, limit: int) -> int:
    """Fill the names of lists and their keys."""
    rows = connection.execute(LISTS, {"limit": limit}).all()
    if rows:
        filled = {
            "owners": [row.user_id for row in rows],
            "ids": [str(row.id) for row in rows],
            "names": [limited_nfc(row.name, MAX_LIST_NAME) for row in rows],
            "sort_keys": [sort_key(row.name) for row in rows],
        }
        connection.execute(UPDATE_LISTS, filled)
    return len(rows)


def fill_tags(connection: Connection, limit: int) -> int:
    """Fill the names of tags and their keys; return the number of their owners."""
    owners = connection.scalars(OWNERS_OF_TAGS, {"limit": limit}).all()
    for owner in owners:
        fill_tags_of(connection, owner)
    return len(owners)


def fill_tags_of(connection: Connection, owner: str) -> None:
    """Fill the tags of one user, the filled and the oldest ones first. Rename those whose key another active tag has."""
    connection.execute(LOCK_OWNER, {"owner": owner})
    tags = connection.execute(TAGS, {"owner": owner}).all()
    names = {identity_key(tag.name) for tag in tags if tag.is_active}
    used: set[str] = set()
    renamed = []
    for tag in tags:
        name = limited_nfc(tag.name, MAX_TAG_NAME)
        if tag.is_active and identity_key(name) in used:
            name = next(candidate for candidate in numbered_names(name) if identity_key(candidate) not in used | names)
            renamed.append(str(tag.id))
        if tag.is_active:
            used.add(identity_key(name))
        if not tag.is_filled:
            keys = {"name_key": identity_key(name), "name_sort_key": sort_key(name)}
            connection.execute(UPDATE_TAG, {"owner": owner, "id": str(tag.id), "name": name, **keys})
    if renamed:
        connection.execute(BUMP_TAGS, {"owner": owner, "ids": renamed})


def numbered_names(name: str) -> Iterator[str]:
    """Yield x (2), x (3) and so on, not longer than the column."""
    number = 2
    while True:
        suffix = f" ({number})"
        yield name[: MAX_TAG_NAME - len(suffix)] + suffix
        number += 1


def normalization_of(table: str, column: str, key: str, max_length: int | None = None) -> Backfill:
    """Return the backfill that normalizes a column without a key. PostgreSQL finds the rows and changes them."""
    unfilled = f"{column} IS NOT NFC NORMALIZED"
    if max_length is not None:
        unfilled += f" AND char_length(normalize({column}, NFC)) <= {max_length}"
    statement = text(f"""
        UPDATE "{table}" SET {column} = normalize({column}, NFC)
        WHERE ({key}) IN (SELECT {key} FROM "{table}" WHERE {unfilled} LIMIT :limit FOR UPDATE SKIP LOCKED)
    """)
    return Backfill(table=table, unfilled=unfilled, fill=partial(_update, statement))


def _update(statement: sa.TextClause, connection: Connection, limit: int) -> int:
    return connection.execute(statement, {"limit": limit}).rowcount


backfills = [
    Backfill(table="user", unfilled="email IS NOT NULL AND email_key IS NULL", fill=fill_users, batch_size=5000),
    Backfill(table="task_list", unfilled="name_sort_key IS NULL", fill=fill_lists, batch_size=5000),
    Backfill(table="tag", unfilled="name_key IS NULL", fill=fill_tags, batch_size=100),
    Backfill(table="task", unfilled="title_sort_key IS NULL", fill=fill_tasks, batch_size=2000),
    normalization_of("user", "name", "id", MAX_PERSON_NAME),
    normalization_of("api_token", "name", "user_id, id", MAX_TOKEN_NAME),
    normalization_of("comment", "body", "user_id, id"),
]

KEYS = {"user": "email_key", "task_list": "name_sort_key", "tag": "name_key", "task": "title_sort_key"}
NOT_NULL = (
    ("task_list", "name_sort_key"),
    ("tag", "name_key"),
    ("tag", "name_sort_key"),
    ("task", "title_sort_key"),
    ("task", "search_lexemes"),
)
LOGIN_CONDITION = "email_key = nullif(current_setting('app.login_email_key', true), '')"

PUNCTUATION = string.punctuation.replace("'", "''")
VECTOR = f"to_tsvector('simple', translate({{column}}, '{PUNCTUATION.replace('{', '{{').replace('}', '}}')}', repeat(' ', 32)))"


def upgrade() -> None:
    """Require the keys, and compare names and e-mails by them."""
    for table, column in KEYS.items():
        op.execute(f'DROP TRIGGER clear_{column} ON "{table}"; DROP FUNCTION clear_{column}_of_{table}()')
    op.execute(f"""
        SET LOCAL ROLE todo_maintenance;
        UPDATE "user" SET email_key = NULL WHERE email_key = '{NO_KEY}';
        RESET ROLE
    """)
    for table, column in NOT_NULL:
        op.alter_column(table, column, nullable=False)
    op.drop_column("task", "search_vector")
    op.create_index("uq_user_email_key", "user", ["email_key"], unique=True)
    op.drop_index("uq_tag_name", "tag")
    active = sa.text("deleted_at IS NULL")
    op.create_index("uq_tag_name", "tag", ["user_id", "name_key"], unique=True, postgresql_where=active)
    op.execute(f'CREATE POLICY logging_in_by_key ON "user" FOR SELECT USING ({LOGIN_CONDITION})')


def downgrade() -> None:
    """Compare names and e-mails as version 0006 does. Texts stay in NFC, and renamed tags keep their names."""
    op.execute('DROP POLICY logging_in_by_key ON "user"')
    op.drop_index("uq_tag_name", "tag")
    active = sa.text("deleted_at IS NULL")
    op.create_index("uq_tag_name", "tag", ["user_id", sa.text("lower(name)")], unique=True, postgresql_where=active)
    op.drop_index("uq_user_email_key", "user")
    vector = " || ".join(
        f"setweight({VECTOR.format(column=column)}, '{weight}')"
        for column, weight in (("title", "A"), ("coalesce(description, '')", "B"))
    )
    op.add_column("task", sa.Column("search_vector", TSVECTOR, sa.Computed(vector, persisted=True), nullable=False))
    for table, column in NOT_NULL:
        op.alter_column(table, column, nullable=True)
