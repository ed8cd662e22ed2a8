"""Password verification in two steps: verify the hash outside of a transaction, then check inside that it is still current."""

from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import col

from models.sql.execution import fetch
from models.sql.statement import Statement
from models.user import User
from services.auth.password_hashing import PasswordHasher
from services.unit_of_work import ReadTransaction, WriteTransaction

_HASH = Statement.parse('SELECT password_hash FROM "user" WHERE id = %(user_id)s')


@dataclass(frozen=True, slots=True)
class PasswordVerification:
    """A password that matches this hash; `rehashed` is a new hash to store if the hashing parameters have changed."""

    password: str
    stored_hash: str
    rehashed: str | None

    @classmethod
    def verify(cls, password: str, stored: str | None, passwords: PasswordHasher) -> "PasswordVerification | None":
        """Return the verification, or None if the password is wrong. Raises Unavailable if too many calls are waiting."""
        is_correct, rehashed = passwords.verify(password, stored)
        return cls(password, stored, rehashed) if is_correct and stored is not None else None

    def is_still_valid(self, transaction: WriteTransaction, passwords: PasswordHasher) -> bool:
        """Return whether the password is still the account's, until the transaction ends; if so, store the new hash, if any.

        Without this check, a login that waits while the password is changed would create a session that the change should have
        revoked.
        """
        stored = load_password_hash(transaction)
        if stored != self.stored_hash:
            return passwords.verify(self.password, stored)[0]
        if self.rehashed is not None:
            statement = update(User).where(col(User.id) == transaction.user_id).values(password_hash=self.rehashed)
            transaction.sql.execute(statement)
        return True


def load_password_hash(transaction: ReadTransaction) -> str | None:
    """Return the hash of the user's password; None for the account of an external user."""
    ((stored,),) = fetch(transaction.connection, _HASH, {"user_id": transaction.user_id})
    return None if stored is None else str(stored)
