"""Who asks in the benchmark: users with ids that can be computed, and their tokens."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

READERS = range(1, 1001)
# Writes go to people of their own, so that the rows that readers ask for are the same in every round.
WRITERS = range(1001, 1201)
LISTS, TASKS, TAGS, TAGS_PER_TASK = 10, 20, 8, 3
PAGE_SIZE, POOL_SIZE = 20, 10  # tasks on a page of a list; connections that each server keeps
SCALING_USERS = {tasks: 2000 + tasks for tasks in (1, 10, 100, 1000)}  # tasks per list: the user who has so many

ALGORITHM = "HS256"
LIST, TASK, TAG, SESSION = 1, 2, 3, 4  # kinds of rows, in their ids


def row_id(kind: int, person: int, number: int) -> str:
    """Return the id of a person's row; data.py makes the same ids in SQL."""
    return f"{kind:08x}-{person:04x}-7000-8000-{number:012x}"


@dataclass(frozen=True, slots=True)
class BenchmarkUser:
    """One user of the benchmark."""

    number: int

    @property
    def user_id(self) -> str:
        """The subject of the token."""
        return f"bench-{self.number:04}"

    def token(self, secret: str) -> str:
        """Return a token such as the service issues, good for a day."""
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
        """Return the id of one of the person's lists."""
        return row_id(LIST, self.number, number)

    def task_id(self, number: int = 0) -> str:
        """Return the id of one of the person's tasks."""
        return row_id(TASK, self.number, number)


def users(numbers: range) -> list[BenchmarkUser]:
    """Return the people of these numbers."""
    return [BenchmarkUser(number) for number in numbers]
