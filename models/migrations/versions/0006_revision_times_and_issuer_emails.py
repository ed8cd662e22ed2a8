"""Time of the last revision of each user, below which the times of later writes never go.

The default of existing rows is the time of the migration: it is stored in the catalog, so no row is rewritten. ALTER TABLE locks
`user_revision` exclusively for a moment.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0003"


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "user_revision", sa.Column("stamped_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())
    )


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("user_revision", "stamped_at")
