"""Benchmark users with computable ids, and their tokens."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

READERS = range(1, 1001)
# Separate users write, so that the rows of the readers are the same in every round.
WRITERS = range(1001, 1201)
LISTS, TASKS, TAGS, TAGS_PER_TASK = 10, 20, 8, 3
PAGE_SIZE, POOL_SIZE = 20, 10  # tasks on a page of a list; database connections of each server
SCALING_USERS = {tasks: 2000 + tasks for tasks in (1, 10, 100, 1000)}  # tasks per list: number of the user with such lists

ALGORITHM = "HS256"
LIST, TASK, TAG, SESSION = 1, 2, 3, 4  # kinds of rows, which are part of their ids


def row_id(kind: int, user_number: int, number: int) -> str:
    """Return the id of a user's row; dataset.py computes the same ids in SQL."""
    return f"{kind:08x}-{user_number:04x}-7000-8000-{number:012x}"


@dataclass(frozen=True, slots=True)
class BenchmarkUser:
    """One user of the benchmark."""

    number: int

    @property
    def user_id(self) -> str:
        """The subject of the token."""
        return f"bench-{self.number:04}"

    def token(self, secret: str) -> str:
        """Return an access token as the service issues it, valid for a day."""
        now = datetime.now(UTC)
        claims = {
            "iss": "todo",
            "sub": self.user_id,
            "sid": row_id(SESSION, self.number, 0),
            "iat": now,
            "exp": now + timedelta(days=1),
            "jti": os.urandom(12).hex(),
        }
        return jwt.encode(claims, secret, ALGORITHM)

    def list_id(self, number: int = 0) -> str:
        """Return the id of one of the user's lists."""
        return row_id(LIST, self.number, number)

    def task_id(self, number: int = 0) -> str:
        """Return the id of one of the user's tasks."""
        return row_id(TASK, self.number, number)


def users(numbers: range) -> list[BenchmarkUser]:
    """Return the users with these numbers."""
    return [BenchmarkUser(number) for number in numbers]
