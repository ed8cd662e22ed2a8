"""What a token may be good for."""

from enum import StrEnum


class Scope(StrEnum):
    """One kind of doing. `tasks` stands for all rows that are a user's: tasks, lists, tags and comments."""

    TASKS_READ = "tasks:read"
    TASKS_WRITE = "tasks:write"
    ACCOUNT = "account"
