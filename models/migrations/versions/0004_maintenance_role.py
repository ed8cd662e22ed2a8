"""Role of migrations, backups and commands, with policies for all rows."""

from alembic import op

revision = "0004"
down_revision = "0003"

locks = "all access to each table for a moment; no rows are read or written"
is_rolling = False  # older code refuses unexpected policies

# The owner must be able to become the role. It does not inherit the role's policies (the clause exists since PostgreSQL 16):
# otherwise a view of the owner would return the rows of all users.
ROLE = """
DO $$ BEGIN
  BEGIN
    IF to_regrole('todo_maintenance') IS NULL THEN
      CREATE ROLE todo_maintenance NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- created concurrently
  END;
  BEGIN
    SET LOCAL ROLE todo_maintenance;
    RESET ROLE;
  EXCEPTION WHEN insufficient_privilege THEN
    EXECUTE format('GRANT todo_maintenance TO %I', current_user) || CASE
      WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
  END;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE insufficient_privilege USING MESSAGE = format(
    '%1$I can neither create nor grant the role todo_maintenance: as a superuser, run: %2$sGRANT todo_maintenance TO %1$I%3$s;',
    current_user,
    CASE WHEN to_regrole('todo_maintenance') IS NULL THEN 'CREATE ROLE todo_maintenance NOLOGIN NOSUPERUSER NOBYPASSRLS; ' END,
    CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT FALSE, SET TRUE' END);
END $$
"""

TABLES = (
    "user",
    "user_revision",
    "deleted_user",
    "login_session",
    "api_token",
    "task_list",
    "task",
    "tag",
    "task_tag",
    "comment",
)


def upgrade() -> None:
    """Create the role and its policies."""
    op.execute(ROLE)
    for table in TABLES:
        op.execute(f'CREATE POLICY maintenance ON "{table}" TO todo_maintenance USING (true) WITH CHECK (true)')
        op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO todo_maintenance')
    op.execute("GRANT USAGE ON SCHEMA public TO todo_maintenance")
    op.execute("GRANT SELECT ON alembic_version TO todo_maintenance")


def downgrade() -> None:
    """Drop the policies. The role is kept, because other databases of the cluster may use it."""
    for table in TABLES:
        op.execute(f'DROP POLICY maintenance ON "{table}"')
        op.execute(f'REVOKE ALL ON "{table}" FROM todo_maintenance')
