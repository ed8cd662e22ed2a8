"""Proofs that somebody knows an account's password. A proof takes a while; what it proved may not be so any more by then."""

from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import col

from models.sql import fetch
from models.user import User
from services.auth.password_hashing import PasswordHasher
from services.unit_of_work import ReadTransaction, WriteTransaction

_HASH_SQL = 'SELECT password_hash FROM "user" WHERE id = %s'


@dataclass(frozen=True, slots=True)
class PasswordVerification:
    """A password that was right for this hash; `newer` is the hash to store instead, if parameters have changed since."""

    password: str
    stored_hash: str
    rehashed: str | None

    @classmethod
    def verify(cls, password: str, stored: str | None, passwords: PasswordHasher) -> "PasswordVerification | None":
        """Return the proof, or None where the password is wrong. Raises Unavailable where too many wait already."""
        right, newer = passwords.verify(password, stored)
        return cls(password, stored, newer) if right and stored is not None else None

    def is_still_valid(self, transaction: WriteTransaction, passwords: PasswordHasher) -> bool:
        """Tell whether the password is still the account's, which it stays until the transaction ends; renew its hash.

        A login that waited while the password was changed would begin a session that the change should have ended.
        """
        stored = load_password_hash(transaction)
        if stored != self.stored_hash:
            return passwords.verify(self.password, stored)[0]
        if self.rehashed is not None:
            renewal = update(User).where(col(User.id) == transaction.user_id).values(password_hash=self.rehashed)
            transaction.sql.execute(renewal)
        return True


def load_password_hash(snapshot: ReadTransaction) -> str | None:
    """Return the hash of the user's password; None for an account that logs in elsewhere."""
    ((stored,),) = fetch(snapshot.connection, _HASH_SQL, (snapshot.user_id,))
    return None if stored is None else str(stored)
