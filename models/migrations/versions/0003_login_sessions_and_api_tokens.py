"""Sessions and API tokens, each behind row-level security."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

MINE = "user_id = nullif(current_setting('app.user_id', true), '')"

# Whoever presents a secret is not known yet: that transaction says the secret's hash, and sees the row of that hash alone.
PRESENTED = "{column} = nullif(current_setting('app.secret_hash', true), '')"


def upgrade() -> None:
    """Create both."""
    op.create_table(
        "login_session",
        *_lease(),
        sa.Column("device", sa.String(200)),
        sa.Column("handle_hash", sa.String(64), nullable=False, index=True),
        sa.Column("current_hash", sa.String(64), nullable=False),
        sa.Column("previous_hash", sa.String(64)),
        sa.Column("salt", sa.String(64)),
        sa.Column("rotated_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "api_token",
        *_lease(),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False, index=True),
        sa.CheckConstraint(
            "cardinality(scopes) > 0 AND scopes <@ ARRAY['tasks:read', 'tasks:write', 'account']", name="ck_api_token_scopes"
        ),
    )
    for table, column in (("login_session", "handle_hash"), ("api_token", "token_hash")):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY owner_only ON {table} USING ({MINE}) WITH CHECK ({MINE})")
        op.execute(f"CREATE POLICY presented ON {table} FOR SELECT USING ({PRESENTED.format(column=column)})")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO todo_app")


def downgrade() -> None:
    """Drop both."""
    op.drop_table("api_token")
    op.drop_table("login_session")


def _lease() -> list[sa.Column[object]]:
    return [
        sa.Column("user_id", sa.Text, sa.ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    ]
