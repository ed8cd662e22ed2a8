"""Baseline Strawberry + DataLoader: async resolvers, a DataLoader per relation, asyncpg, parser and validation caches.

It isolates users by WHERE only: it has no row-level security, and only the token identifies the user.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any

import asyncpg
import strawberry
from fastapi import FastAPI
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.fastapi import BaseContext, GraphQLRouter

from bench.baselines.auth import CurrentUser, database_url
from bench.users import PAGE_SIZE, POOL_SIZE

_TASK = "id, title, status, priority, created_at"
_LISTS = "SELECT id, name FROM task_list WHERE user_id = $1 AND deleted_at IS NULL ORDER BY position, id"
_LIST = "SELECT id, name FROM task_list WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL"
_ONE_TASK = f"SELECT {_TASK} FROM task WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL"
_TASKS = f"SELECT {_TASK} FROM task WHERE user_id = $1 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $2"
_TASKS_OF_LISTS = f"""
    SELECT list.id AS list_id, page.* FROM unnest($2::uuid[]) AS list (id), LATERAL (
      SELECT {_TASK} FROM task WHERE user_id = $1 AND list_id = list.id AND deleted_at IS NULL
      ORDER BY created_at DESC, id DESC LIMIT $3
    ) AS page
"""
_TAGS_OF_TASKS = """
    SELECT task_id, id, name, color FROM task_tag JOIN tag ON tag.user_id = task_tag.user_id AND tag.id = task_tag.tag_id
    WHERE task_tag.user_id = $1 AND task_id = ANY ($2) AND tag.deleted_at IS NULL ORDER BY lower(name), id
"""


class Context(BaseContext):
    """Context of a request: the user, and the DataLoaders that batch the reads of its resolvers."""

    def __init__(self, pool: asyncpg.Pool, user_id: str) -> None:
        super().__init__()
        self.pool = pool
        self.user_id = user_id
        self.tags: DataLoader[uuid.UUID, list[Tag]] = DataLoader(self._load_tags)
        self._tasks: dict[int, DataLoader[uuid.UUID, list[Task]]] = {}

    def tasks(self, first: int) -> "DataLoader[uuid.UUID, list[Task]]":
        """Return the DataLoader of pages of this size."""
        return self._tasks.setdefault(first, DataLoader(partial(self._load_tasks, first)))

    async def _load_tasks(self, first: int, lists: "list[uuid.UUID]") -> "list[list[Task]]":
        tasks_by_list: dict[uuid.UUID, list[Task]] = {key: [] for key in lists}
        for row in await self.pool.fetch(_TASKS_OF_LISTS, self.user_id, lists, first):
            tasks_by_list[row["list_id"]].append(Task.of(row))
        return list(tasks_by_list.values())

    async def _load_tags(self, tasks: "list[uuid.UUID]") -> "list[list[Tag]]":
        tags_by_task: dict[uuid.UUID, list[Tag]] = {key: [] for key in tasks}
        for row in await self.pool.fetch(_TAGS_OF_TASKS, self.user_id, tasks):
            tags_by_task[row["task_id"]].append(Tag(id=strawberry.ID(str(row["id"])), name=row["name"], color=row["color"]))
        return list(tags_by_task.values())


Info = strawberry.Info[Context, None]


@strawberry.enum
class Priority(Enum):
    """Priority of a task."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


@strawberry.type
class Tag:
    """A tag of tasks."""

    id: strawberry.ID
    name: str
    color: str | None


@strawberry.type
class Task:
    """A task."""

    key: strawberry.Private[uuid.UUID]
    id: strawberry.ID
    title: str
    completed: bool
    priority: Priority
    created_at: datetime

    @classmethod
    def of(cls, row: Any) -> "Task":
        """Return a task from a row."""
        return cls(
            key=row["id"],
            id=strawberry.ID(str(row["id"])),
            title=row["title"],
            completed=row["status"] == "completed",
            priority=Priority(row["priority"]),
            created_at=row["created_at"],
        )

    @strawberry.field
    async def tags(self, info: Info) -> list[Tag]:
        """The tags of the task."""
        return await info.context.tags.load(self.key)


@strawberry.type
class TaskList:
    """A list of tasks."""

    key: strawberry.Private[uuid.UUID]
    id: strawberry.ID
    name: str

    @classmethod
    def of(cls, row: Any) -> "TaskList":
        """Return a list from a row."""
        return cls(key=row["id"], id=strawberry.ID(str(row["id"])), name=row["name"])

    @strawberry.field
    async def tasks(self, info: Info, first: int = PAGE_SIZE) -> list[Task]:
        """The newest tasks of the list."""
        return await info.context.tasks(first).load(self.key)


@strawberry.type
class Query:
    """The root fields."""

    @strawberry.field
    async def lists(self, info: Info) -> list[TaskList]:
        """All lists."""
        return [TaskList.of(row) for row in await info.context.pool.fetch(_LISTS, info.context.user_id)]

    @strawberry.field
    async def list(self, info: Info, id: strawberry.ID) -> TaskList | None:
        """One list."""
        row = await info.context.pool.fetchrow(_LIST, info.context.user_id, uuid.UUID(id))
        return TaskList.of(row) if row else None

    @strawberry.field
    async def task(self, info: Info, id: strawberry.ID) -> Task | None:
        """One task."""
        row = await info.context.pool.fetchrow(_ONE_TASK, info.context.user_id, uuid.UUID(id))
        return Task.of(row) if row else None

    @strawberry.field
    async def tasks(self, info: Info, first: int = PAGE_SIZE) -> "_Tasks":
        """The newest tasks."""
        return [Task.of(row) for row in await info.context.pool.fetch(_TASKS, info.context.user_id, first)]


# `list` is a field of Query, so inside it the type needs another name.
_Tasks = list[Task]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(database_url(), min_size=POOL_SIZE, max_size=POOL_SIZE) as pool:
        app.state.pool = pool
        yield


async def _context(user_id: CurrentUser) -> Context:
    return Context(app.state.pool, user_id)


schema = strawberry.Schema(Query, extensions=[ParserCache, ValidationCache])
app = FastAPI(lifespan=_lifespan)
app.include_router(GraphQLRouter(schema, context_getter=_context), prefix="/graphql")
