"""Tables of login sessions and API tokens, with row-level security."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

OWNER_CONDITION = "user_id = nullif(current_setting('app.user_id', true), '')"

# Before authentication only the hash of a secret is known: the transaction sets it, and can read only the row with that hash.
HASH_CONDITION = "{column} = nullif(current_setting('app.secret_hash', true), '')"


def upgrade() -> None:
    """Create the tables and their policies."""
    op.create_table(
        "login_session",
        *_credential_columns(),
        sa.Column("device", sa.String(200)),
        sa.Column("handle_hash", sa.String(64), nullable=False, index=True),
        sa.Column("current_hash", sa.String(64), nullable=False),
        sa.Column("previous_hash", sa.String(64)),
        sa.Column("salt", sa.String(64)),
        sa.Column("rotated_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "api_token",
        *_credential_columns(),
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
        op.execute(f"CREATE POLICY owner_only ON {table} USING ({OWNER_CONDITION}) WITH CHECK ({OWNER_CONDITION})")
        op.execute(f"CREATE POLICY presented ON {table} FOR SELECT USING ({HASH_CONDITION.format(column=column)})")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO todo_app")


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("api_token")
    op.drop_table("login_session")


def _credential_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("user_id", sa.Text, sa.ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    ]
