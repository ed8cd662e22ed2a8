"""Full-text search over tasks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0002"
down_revision = "0001"

SEARCHED = "setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', coalesce(description, '')), 'B')"


def upgrade() -> None:
    """Add what is searched; PostgreSQL keeps it up to date by itself."""
    op.add_column("task", sa.Column("search_vector", TSVECTOR, sa.Computed(SEARCHED, persisted=True), nullable=False))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("task", "search_vector")
