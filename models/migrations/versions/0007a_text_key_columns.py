"""Columns for the keys of texts. Migration 0007 fills them.

Until then, a service of the earlier version may still run: if it changes a text, a trigger clears the key.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0007a"
down_revision = "0006"

locks = "all access to user, task_list, tag and task for a moment; no row is rewritten"

# The texts of each table, the column that tells whether its keys are filled, and the other keys.
KEYS = {
    "user": (("email",), "email_key", ()),
    "task_list": (("name",), "name_sort_key", ()),
    "tag": (("name",), "name_key", ("name_sort_key",)),
    "task": (("title", "description"), "title_sort_key", ()),
}

# The trigger does not apply to the migration, which writes text and key in one statement.
TRIGGER = """
CREATE FUNCTION clear_{column}_of_{table}() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.{column} := NULL; RETURN NEW; END $$;
CREATE TRIGGER clear_{column} BEFORE UPDATE OF {texts} ON "{table}" FOR EACH ROW
    WHEN (({old}) IS DISTINCT FROM ({new}) AND NEW.{column} IS NOT DISTINCT FROM OLD.{column})
    EXECUTE FUNCTION clear_{column}_of_{table}();
"""


def upgrade() -> None:
    """Add the columns and the triggers."""
    for table, (texts, column, others) in KEYS.items():
        for name in (column, *others):
            op.add_column(table, sa.Column(name, sa.Text(collation="C")))
        old, new = (", ".join(f"{row}.{text}" for text in texts) for row in ("OLD", "NEW"))
        op.execute(TRIGGER.format(table=table, column=column, texts=", ".join(texts), old=old, new=new))
    op.add_column("task", sa.Column("search_lexemes", TSVECTOR))


def downgrade() -> None:
    """Drop the columns and the triggers."""
    op.drop_column("task", "search_lexemes")
    for table, (_, column, others) in KEYS.items():
        op.execute(f'DROP TRIGGER IF EXISTS clear_{column} ON "{table}"; DROP FUNCTION IF EXISTS clear_{column}_of_{table}()')
        for name in (column, *others):
            op.drop_column(table, name)
