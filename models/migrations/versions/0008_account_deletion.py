"""Table of the deleted accounts whose rows are not all deleted yet, with row-level security."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

locks = "writes to `user` for a moment, while the foreign key of the new, empty table is created"

OWNER_CONDITION = "user_id = nullif(current_setting('app.user_id', true), '')"

# The worker that deletes the rows finds the accounts in transactions without a user: it can read this table, and no other.
WORKER_CONDITION = "current_setting('app.worker', true) = 'account_deletion'"


def upgrade() -> None:
    """Create the table and its policies."""
    op.create_table(
        "account_deletion",
        sa.Column("user_id", sa.Text, sa.ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.execute("ALTER TABLE account_deletion ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE account_deletion FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY owner_only ON account_deletion USING ({OWNER_CONDITION}) WITH CHECK ({OWNER_CONDITION})")
    op.execute(f"CREATE POLICY deleting_accounts ON account_deletion FOR SELECT USING ({WORKER_CONDITION})")
    op.execute("CREATE POLICY maintenance ON account_deletion TO todo_maintenance USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON account_deletion TO todo_app, todo_maintenance")


def downgrade() -> None:
    """Drop the table. Pending deletions are completed first: without their record, nothing would delete their rows."""
    op.execute("SET LOCAL ROLE todo_maintenance")
    op.execute('DELETE FROM "user" WHERE id IN (SELECT user_id FROM account_deletion)')
    op.execute("RESET ROLE")
    op.drop_table("account_deletion")
