"""Hashing passwords. The one place that knows passlib."""

import unicodedata

from passlib.context import CryptContext

# OWASP Password Storage Cheat Sheet: argon2id with 19 MiB of memory, 2 iterations, 1 lane.
_MEMORY_KIB, _ITERATIONS, _LANES = 19456, 2, 1


class Passwords:
    """Makes and checks hashes; each takes about 25 ms of CPU and 19 MiB."""

    def __init__(self) -> None:
        self._context = CryptContext(
            schemes=["argon2"],
            argon2__type="ID",
            argon2__memory_cost=_MEMORY_KIB,
            argon2__time_cost=_ITERATIONS,
            argon2__parallelism=_LANES,
        )
        self._nobodys = self._context.hash("nobody's password")

    def hash(self, password: str) -> str:
        """Return the hash to store."""
        hashed: str = self._context.hash(_normal(password))
        return hashed

    def check(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Tell whether the password is right, and the hash to store instead if parameters have changed since.

        Without a stored hash the answer is no, after the same work, so that time does not tell who has an account.
        """
        right, newer = self._context.verify_and_update(_normal(password), stored or self._nobodys)
        return (right, newer) if stored else (False, None)


def _normal(password: str) -> str:
    """NFKC: the same keys pressed on another device give the same password."""
    return unicodedata.normalize("NFKC", password)
