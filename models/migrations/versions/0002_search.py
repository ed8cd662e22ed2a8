"""Full-text search over tasks."""

import string

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0002"
down_revision = "0001"

PUNCTUATION = string.punctuation.replace("'", "''")
VECTOR = f"to_tsvector('simple', translate({{column}}, '{PUNCTUATION.replace('{', '{{').replace('}', '}}')}', repeat(' ', 32)))"
TITLE, DESCRIPTION = VECTOR.format(column="title"), VECTOR.format(column="coalesce(description, '')")


def upgrade() -> None:
    """Add the search vector as a generated column, which PostgreSQL updates."""
    search_vector = f"setweight({TITLE}, 'A') || setweight({DESCRIPTION}, 'B')"
    op.add_column("task", sa.Column("search_vector", TSVECTOR, sa.Computed(search_vector, persisted=True), nullable=False))


def downgrade() -> None:
    """Drop the search vector."""
    op.drop_column("task", "search_vector")
