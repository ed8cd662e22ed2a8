"""Full indexes on the referencing columns of foreign keys, so that deleting a referenced row finds its references.

PostgreSQL cannot use an index of active rows for a foreign key: a deleted row has references, too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

locks = "writes to `task` and `comment` while their indexes are built, and all access to `comment` for a moment"


def upgrade() -> None:
    """Create the indexes. That of comments replaces a partial index."""
    op.create_index("ix_task_list_reference", "task", ["user_id", "list_id"])
    op.create_index("ix_comment_reference", "comment", ["user_id", "task_id", "created_at", "id"])
    op.drop_index("ix_comment_task", "comment")


def downgrade() -> None:
    """Restore the indexes of version 0004."""
    columns = ["user_id", "task_id", "created_at", "id"]
    op.create_index("ix_comment_task", "comment", columns, postgresql_where=sa.text("deleted_at IS NULL"))
    op.drop_index("ix_comment_reference", "comment")
    op.drop_index("ix_task_list_reference", "task")
