"""Tables of accounts, revisions, lists, tasks, tags and comments, with row-level security."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# The migrating role must be a member of todo_app, or be able to grant it to itself (since PostgreSQL 16, its creator can).
ROLE = """
DO $$ BEGIN
  BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'todo_app') THEN
      CREATE ROLE todo_app NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- created concurrently
  END;
  BEGIN
    SET LOCAL ROLE todo_app;
    RESET ROLE;
  EXCEPTION WHEN insufficient_privilege THEN EXECUTE format('GRANT todo_app TO %I', current_user);
  END;
END $$
"""

OWNER_CONDITION = "{column} = nullif(current_setting('app.user_id', true), '')"

# At login only the e-mail is known: the transaction sets it, and can read only the row with that e-mail.
LOGIN_CONDITION = "email = nullif(current_setting('app.login_email', true), '')"

OWNED_TABLES = ("user_revision", "task_list", "task", "tag", "task_tag", "comment")


def upgrade() -> None:
    """Create the role, the tables and their policies."""
    op.execute(ROLE)
    _create_accounts()
    _create_task_list()
    _create_task()
    _create_tag()
    _create_comment()
    _enable_row_level_security("user", "id")
    op.execute(f'CREATE POLICY logging_in ON "user" FOR SELECT USING ({LOGIN_CONDITION})')
    _enable_row_level_security("deleted_user", "user_id")
    for table in OWNED_TABLES:
        _enable_row_level_security(table, "user_id")
    op.execute("GRANT USAGE ON SCHEMA public TO todo_app")
    op.execute("GRANT SELECT ON alembic_version TO todo_app")


def downgrade() -> None:
    """Drop the tables. The role is kept, because other databases of the cluster may use it."""
    for table in ("comment", "task_tag", "tag", "task", "task_list", "user_revision", "deleted_user", "user"):
        op.drop_table(table)


def _enable_row_level_security(table: str, owner_column: str) -> None:
    condition = OWNER_CONDITION.format(column=owner_column)
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY owner_only ON "{table}" USING ({condition}) WITH CHECK ({condition})')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO todo_app')


def _owner() -> sa.Column[str]:
    return sa.Column("user_id", sa.Text, sa.ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)


def _key(name: str = "id", *, primary: bool = True, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Uuid(as_uuid=False), primary_key=primary, nullable=nullable)


def _timestamp(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _versioned() -> list[sa.Column[object]]:
    return [
        _timestamp("created_at"),
        _timestamp("updated_at"),
        sa.Column("revision", sa.BigInteger, nullable=False),
        _timestamp("deleted_at", nullable=True),
    ]


def _reference(column: str, target: str, on_delete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["user_id", column], [f"{target}.user_id", f"{target}.id"], name=f"fk_{target}_{column}", ondelete=on_delete
    )


def _index(name: str, table: str, *columns: str, active: bool = False, unique: bool = False) -> None:
    op.create_index(
        name,
        table,
        ["user_id", *[sa.text(column) for column in columns]],
        unique=unique,
        postgresql_where=sa.text("deleted_at IS NULL") if active else None,
    )


def _create_accounts() -> None:
    op.create_table(
        "user",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("email", sa.String(254), unique=True),
        sa.Column("name", sa.String(100)),
        sa.Column("password_hash", sa.String),
        sa.Column("is_active", sa.Boolean, nullable=False),
        _timestamp("created_at"),
        _timestamp("updated_at"),
        sa.CheckConstraint("char_length(id) BETWEEN 1 AND 64", name="ck_user_id"),
    )
    op.create_table(
        "user_revision",
        _owner(),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("purged_revision", sa.BigInteger, nullable=False),
    )
    op.create_table("deleted_user", sa.Column("user_id", sa.Text, primary_key=True), _timestamp("deleted_at"))


def _create_task_list() -> None:
    op.create_table(
        "task_list",
        _owner(),
        _key(),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("color", sa.String(32)),
        sa.Column("position", sa.Float, nullable=False),
        *_versioned(),
    )
    _index("ix_task_list_position", "task_list", "position", "id", active=True)
    _index("ix_task_list_revision", "task_list", "revision")


def _create_task() -> None:
    op.create_table(
        "task",
        _owner(),
        _key(),
        _key("list_id", primary=False, nullable=True),
        _key("parent_id", primary=False, nullable=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("description", sa.String(2000)),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("priority", sa.String(20), nullable=False),
        _timestamp("completed_at", nullable=True),
        sa.Column("position", sa.Float, nullable=False),
        *_versioned(),
        _reference("list_id", "task_list", "SET NULL (list_id)"),
        _reference("parent_id", "task", "CASCADE"),
        sa.CheckConstraint("status IN ('pending', 'in_progress', 'completed')", name="ck_task_status"),
        sa.CheckConstraint("priority IN ('none', 'low', 'medium', 'high', 'urgent')", name="ck_task_priority"),
        sa.CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name="ck_task_completed_at"),
    )
    _index("ix_task_created", "task", "created_at", "id", active=True)
    _index("ix_task_list", "task", "list_id", "created_at", "id", active=True)
    _index("ix_task_parent", "task", "parent_id", "created_at", "id")
    _index("ix_task_position", "task", "position", "id")
    _index("ix_task_revision", "task", "revision")


def _create_tag() -> None:
    op.create_table(
        "tag",
        _owner(),
        _key(),
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("color", sa.String(32)),
        *_versioned(),
    )
    _index("uq_tag_name", "tag", "lower(name)", active=True, unique=True)
    _index("ix_tag_revision", "tag", "revision")
    op.create_table(
        "task_tag",
        _owner(),
        _key("task_id"),
        _key("tag_id"),
        _reference("task_id", "task", "CASCADE"),
        _reference("tag_id", "tag", "CASCADE"),
    )
    _index("ix_task_tag_tag", "task_tag", "tag_id", "task_id")


def _create_comment() -> None:
    op.create_table(
        "comment",
        _owner(),
        _key(),
        _key("task_id", primary=False),
        sa.Column("body", sa.String, nullable=False),
        *_versioned(),
        _reference("task_id", "task", "CASCADE"),
    )
    _index("ix_comment_task", "comment", "task_id", "created_at", "id", active=True)
    _index("ix_comment_revision", "comment", "revision")
