"""Time of the last revision of each user, and the last e-mail that an external issuer named for its user.

Times of later writes never go below the former. Its default for existing rows is the time of the migration: it is stored in the
catalog, so no row is rewritten. ALTER TABLE locks `user_revision` and `user` exclusively for a moment.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
locks = "ALTER TABLE locks user_revision and user exclusively for a moment; no row is rewritten"


def upgrade() -> None:
    """Add the columns."""
    op.add_column(
        "user_revision", sa.Column("stamped_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())
    )
    op.add_column("user", sa.Column("issuer_email", sa.String(254)))
    op.add_column("user", sa.Column("issuer_email_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("user", "issuer_email_at")
    op.drop_column("user", "issuer_email")
    op.drop_column("user_revision", "stamped_at")
