"""What row-level security says about each table: the migrations made it so, and the boot check holds the database to it."""

from dataclasses import dataclass

from sqlalchemy import Table

ALL, SELECT = "ALL", "SELECT"


@dataclass(frozen=True, slots=True)
class RowPolicy:
    """Rows whose `column` is what the transaction's `setting` says; none where it says nothing.

    `command` is spelt as in pg_policies. A policy for ALL holds for what is written, too.
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
        """Return the statement that creates it."""
        checked = f" WITH CHECK ({self.condition})" if self.command == ALL else ""
        return f'CREATE POLICY {self.name} ON "{table}" FOR {self.command} USING ({self.condition}){checked}'


# Whoever is not known yet says what is known of a row (an e-mail, the hash of a secret), and may look at that row alone.
_PRE_AUTHENTICATION_POLICIES = {
    "user": (RowPolicy("logging_in", SELECT, "email", "app.login_email"),),
    "login_session": (RowPolicy("presented", SELECT, "handle_hash", "app.secret_hash"),),
    "api_token": (RowPolicy("presented", SELECT, "token_hash", "app.secret_hash"),),
}


def policies_of(table: Table) -> tuple[RowPolicy, ...]:
    """Return all policies that the table has; an account belongs to itself."""
    owner = "user_id" if "user_id" in table.c else "id"
    return (RowPolicy("owner_only", ALL, owner, "app.user_id"), *_PRE_AUTHENTICATION_POLICIES.get(table.name, ()))
