"""Row-level security policies of each table, as created by the migrations and required by the readiness check."""

from dataclasses import dataclass

from sqlalchemy import Table

ALL, SELECT = "ALL", "SELECT"


@dataclass(frozen=True, slots=True)
class RowPolicy:
    """Policy for rows whose `column` equals the transaction's `setting`; no rows if it is not set.

    `command` is ALL or SELECT, as in pg_policies. A policy for ALL also applies to written rows (WITH CHECK).
    """

    name: str
    command: str
    column: str
    setting: str

    @property
    def condition(self) -> str:
        """Return the condition in SQL."""
        return f"{self.column} = nullif(current_setting('{self.setting}', true), '')"

    def create_sql(self, table: str) -> str:
        """Return the statement that creates the policy."""
        check = f" WITH CHECK ({self.condition})" if self.command == ALL else ""
        return f'CREATE POLICY {self.name} ON "{table}" FOR {self.command} USING ({self.condition}){check}'


# Before authentication, a transaction sets a known value (e-mail, hash of a secret), and can read only the row with that value.
_PRE_AUTHENTICATION_POLICIES = {
    "user": (RowPolicy("logging_in", SELECT, "email", "app.login_email"),),
    "login_session": (RowPolicy("presented", SELECT, "handle_hash", "app.secret_hash"),),
    "api_token": (RowPolicy("presented", SELECT, "token_hash", "app.secret_hash"),),
}


def policies_of(table: Table) -> tuple[RowPolicy, ...]:
    """Return the policies of the table. The owner column of the user table is `id`."""
    owner = "user_id" if "user_id" in table.c else "id"
    return (RowPolicy("owner_only", ALL, owner, "app.user_id"), *_PRE_AUTHENTICATION_POLICIES.get(table.name, ()))
