"""Scopes of tokens."""

from enum import StrEnum


class Scope(StrEnum):
    """Scope of a token. The `tasks` scopes cover tasks, lists, tags and comments."""

    TASKS_READ = "tasks:read"
    TASKS_WRITE = "tasks:write"
    ACCOUNT = "account"
