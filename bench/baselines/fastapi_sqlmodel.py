"""Baseline FastAPI + SQLModel, as good tutorials teach it: `def` routes, SQLModel entities, `response_model`.

A session per request from a dependency with `yield`, filters by user_id, relationships loaded by SELECT IN. It has no row-level
security and does not read the account: only the token identifies the user.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import uuid_utils
from fastapi import Depends, FastAPI, HTTPException, Query
from sqlalchemy import BigInteger, DateTime, ForeignKeyConstraint, String
from sqlmodel import Field, Relationship, Session, SQLModel, col, create_engine, func, select, update

from bench.baselines.auth import CurrentUser, database_url
from bench.users import POOL_SIZE

engine = create_engine(database_url().replace("postgresql://", "postgresql+psycopg2://", 1), pool_size=POOL_SIZE, max_overflow=0)
app = FastAPI()

_TAGS = {"lazy": "selectin", "order_by": "Tag.id", "viewonly": True}


class Status(StrEnum):
    """Status of a task."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Priority(StrEnum):
    """Priority of a task."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class UserRevision(SQLModel, table=True):
    """Revision of the user's last write."""

    __tablename__ = "user_revision"

    user_id: str = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger)


class TaskTag(SQLModel, table=True):
    """Link of a task and a tag."""

    __tablename__ = "task_tag"
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "task_id"], ["task.user_id", "task.id"]),
        ForeignKeyConstraint(["user_id", "tag_id"], ["tag.user_id", "tag.id"]),
    )

    user_id: str = Field(primary_key=True)
    task_id: uuid.UUID = Field(primary_key=True)
    tag_id: uuid.UUID = Field(primary_key=True)


class Tag(SQLModel, table=True):
    """A tag of tasks."""

    user_id: str = Field(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    name: str
    color: str | None = None


class TaskCreate(SQLModel):
    """Request body of a new task."""

    title: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=2000)
    status: Status = Field(default=Status.PENDING, sa_type=String)
    priority: Priority = Field(default=Priority.NONE, sa_type=String)
    list_id: uuid.UUID | None = None
    parent_id: uuid.UUID | None = None


class TaskRow(TaskCreate):
    """A task with the columns that the server sets."""

    user_id: str
    position: float
    completed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True))
    revision: int = Field(sa_type=BigInteger)


class Task(TaskRow, table=True):
    """A task."""

    user_id: str = Field(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    deleted_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    # Loading tags is faster than loading links: each of a user's few tags is created once for all its tasks.
    tags: list[Tag] = Relationship(link_model=TaskTag, sa_relationship_kwargs=_TAGS)

    @property
    def completed(self) -> bool:
        """Whether the status is completed."""
        return self.status == Status.COMPLETED

    @property
    def tag_ids(self) -> list[uuid.UUID]:
        """Ids of the tags of the task."""
        return [tag.id for tag in self.tags]


class TaskPublic(TaskRow):
    """Response body of a task."""

    id: uuid.UUID
    completed: bool
    tag_ids: list[uuid.UUID]


def get_session() -> Iterator[Session]:
    """Open a session for one request."""
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]


@app.get("/tasks", response_model=list[TaskPublic])
def list_tasks(
    session: SessionDep,
    user_id: CurrentUser,
    status: Status | None = None,
    list_id: uuid.UUID | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> object:
    """Return a page of tasks, newest first."""
    statement = select(Task).where(Task.user_id == user_id, col(Task.deleted_at).is_(None))
    if status is not None:
        statement = statement.where(Task.status == status)
    if list_id is not None:
        statement = statement.where(Task.list_id == list_id)
    statement = statement.order_by(col(Task.created_at).desc(), col(Task.id).desc())
    return session.exec(statement.offset(offset).limit(limit)).all()


@app.post("/tasks", response_model=TaskPublic, status_code=201)
def create_task(session: SessionDep, user_id: CurrentUser, new: TaskCreate) -> object:
    """Create a task."""
    now = datetime.now(UTC)
    revision = next_revision(session, user_id)
    highest = session.exec(select(func.max(Task.position)).where(Task.user_id == user_id)).one()
    task = Task.model_validate(
        new,
        update={
            "user_id": user_id,
            "id": uuid.UUID(bytes=uuid_utils.uuid7().bytes),
            "position": (highest or 0) + 1,
            "completed_at": now if new.status == Status.COMPLETED else None,
            "created_at": now,
            "updated_at": now,
            "revision": revision,
        },
    )
    session.add(task)
    session.commit()
    session.refresh(task)
    return task


@app.get("/tasks/{task_id}", response_model=TaskPublic)
def get_task(session: SessionDep, user_id: CurrentUser, task_id: uuid.UUID) -> object:
    """Return a task."""
    return find(session, user_id, task_id)


@app.patch("/tasks/{task_id}/complete", response_model=TaskPublic)
def complete_task(session: SessionDep, user_id: CurrentUser, task_id: uuid.UUID) -> object:
    """Toggle whether the task is completed."""
    revision = next_revision(session, user_id)
    task = find(session, user_id, task_id)
    now = datetime.now(UTC)
    task.status = Status.PENDING if task.completed else Status.COMPLETED
    task.completed_at = now if task.completed else None
    task.updated_at, task.revision = now, revision
    session.add(task)
    session.commit()
    session.refresh(task)
    return task


def find(session: Session, user_id: str, task_id: uuid.UUID) -> Task:
    """Return the user's task. Raises HTTPException if it does not exist."""
    statement = select(Task).where(Task.user_id == user_id, Task.id == task_id, col(Task.deleted_at).is_(None))
    task = session.exec(statement).first()
    if task is None:
        raise HTTPException(404, "Task not found")
    return task


def next_revision(session: Session, user_id: str) -> int:
    """Return the user's next revision, which every written row must have."""
    statement = update(UserRevision).where(col(UserRevision.user_id) == user_id).values(revision=UserRevision.revision + 1)
    return int(session.exec(statement.returning(col(UserRevision.revision))).scalar_one())
