"""Row-level security policies of each table, as created by the migrations and required by the readiness check."""

from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import Table

ALL, SELECT = "ALL", "SELECT"
PUBLIC = "public"  # all roles, as in pg_policies
MAINTENANCE_ROLE = "todo_maintenance"


@dataclass(frozen=True, slots=True)
class MaintenancePolicy:
    """Policy for all rows, for the role of migrations, backups and commands. The role of the application must not have it."""

    name: ClassVar[str] = "maintenance"
    command: ClassVar[str] = ALL
    role: ClassVar[str] = MAINTENANCE_ROLE
    condition: ClassVar[str] = "true"


@dataclass(frozen=True, slots=True)
class UserPolicy:
    """Policy for rows whose `column` equals the transaction's `setting`; no rows if it is not set.

    `command` is ALL or SELECT, as in pg_policies. A policy for ALL also applies to written rows (WITH CHECK).
    """

    name: str
    command: str
    column: str
    setting: str
    role: ClassVar[str] = PUBLIC

    @property
    def condition(self) -> str:
        """Return the condition in SQL."""
        return f"{self.column} = nullif(current_setting('{self.setting}', true), '')"


@dataclass(frozen=True, slots=True)
class WorkerPolicy:
    """Policy for reading all rows of a table, in transactions of a background worker: those whose `setting` has this `value`."""

    name: str
    value: str
    setting: ClassVar[str] = "app.worker"
    command: ClassVar[str] = SELECT
    role: ClassVar[str] = PUBLIC

    @property
    def condition(self) -> str:
        """Return the condition in SQL."""
        return f"current_setting('{self.setting}', true) = '{self.value}'"


RowPolicy = UserPolicy | WorkerPolicy | MaintenancePolicy

# The worker finds the accounts whose rows are to be deleted. It deletes them in transactions of their users.
DELETING_ACCOUNTS = WorkerPolicy("deleting_accounts", "account_deletion")
_WORKER_POLICIES = {"account_deletion": (DELETING_ACCOUNTS,)}

# Before authentication, a transaction sets a known value (e-mail, hash of a secret), and can read only the row with that value.
_PRE_AUTHENTICATION_POLICIES = {
    "user": (
        UserPolicy("logging_in", SELECT, "email", "app.login_email"),
        UserPolicy("logging_in_by_key", SELECT, "email_key", "app.login_email_key"),
    ),
    "login_session": (UserPolicy("presented", SELECT, "handle_hash", "app.secret_hash"),),
    "api_token": (UserPolicy("presented", SELECT, "token_hash", "app.secret_hash"),),
}


def user_policies(table: Table) -> tuple[UserPolicy, ...]:
    """Return the policies of the table for the application. The owner column of the user table is `id`."""
    owner = "user_id" if "user_id" in table.c else "id"
    return (UserPolicy("owner_only", ALL, owner, "app.user_id"), *_PRE_AUTHENTICATION_POLICIES.get(table.name, ()))


def required_policies(table: Table) -> tuple[RowPolicy, ...]:
    """Return all policies that the table must have."""
    return (*user_policies(table), *_WORKER_POLICIES.get(table.name, ()), MaintenancePolicy())


def create_policy_sql(policy: RowPolicy, table: str) -> str:
    """Return the statement that creates the policy."""
    check = f" WITH CHECK ({policy.condition})" if policy.command == ALL else ""
    return f'CREATE POLICY {policy.name} ON "{table}" FOR {policy.command} TO {policy.role} USING ({policy.condition}){check}'
