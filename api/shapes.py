"""What goes over the wire, for the OpenAPI document. The tests hold real answers against these shapes."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from models.scopes import Scope
from models.task import Priority, Status

_ID = "01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e"
_LIST_ID = "01939d2c-1111-7c3a-9d7e-3f2b1a0c9d8e"
_TAG_ID = "01939d2c-2222-7c3a-9d7e-3f2b1a0c9d8e"
_THEN = "2026-01-05T09:30:00.123456Z"
_STAMPS = {"created_at": _THEN, "updated_at": _THEN, "revision": 42}

TAG = {"id": _TAG_ID, "user_id": "ada", "name": "home", "color": "#2e7d32", **_STAMPS}
LIST = {"id": _LIST_ID, "user_id": "ada", "name": "Groceries", "color": None, "position": 1.0, **_STAMPS}
COMMENT = {"id": _ID, "user_id": "ada", "task_id": _ID, "body": "The oat one.", **_STAMPS}
TASK = {
    "id": _ID,
    "user_id": "ada",
    "title": "Buy milk",
    "description": None,
    "status": "pending",
    "completed": False,
    "priority": "high",
    "list_id": _LIST_ID,
    "parent_id": None,
    "tag_ids": [_TAG_ID],
    "position": 1.0,
    "completed_at": None,
    **_STAMPS,
}
ACCOUNT = {"id": "ada", "email": "ada@example.com", "name": "Ada", **_STAMPS}

SESSION = {
    "id": _ID,
    "device": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "created_at": _THEN,
    "last_used_at": _THEN,
    "expires_at": "2026-02-04T09:30:00.123456Z",
    "current": True,
}
API_TOKEN = {
    "id": _ID,
    "name": "Nightly report",
    "scopes": ["tasks:read"],
    "created_at": _THEN,
    "last_used_at": _THEN,
    "expires_at": "2026-02-04T09:30:00.123456Z",
}


def _shape(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class _Row(BaseModel):
    id: UUID
    user_id: str
    created_at: datetime
    updated_at: datetime
    revision: Annotated[int, Field(description="The user's revision that last touched the row; its ETag.")]


class Tag(_Row):
    """A label."""

    model_config = _shape(TAG)

    name: str
    color: str | None
    tasks: "Annotated[list[Task], Field(description='With `include=tasks`.')]" = []


class TaskList(_Row):
    """A named, ordered place for tasks."""

    model_config = _shape(LIST)

    name: str
    color: str | None
    position: float
    tasks: "Annotated[list[Task], Field(description='With `include=tasks`.')]" = []


class Comment(_Row):
    """A remark on a task."""

    model_config = _shape(COMMENT)

    task_id: UUID
    body: str
    task: "Annotated[Task | None, Field(description='With `include=task`.')]" = None


class Task(_Row):
    """Something to do."""

    model_config = _shape(TASK)

    title: str
    description: str | None
    status: Status
    completed: Annotated[bool, Field(description="The same as status = completed.")]
    priority: Priority
    list_id: UUID | None
    parent_id: UUID | None
    tag_ids: list[UUID]
    position: float
    completed_at: datetime | None
    list: Annotated[TaskList | None, Field(description="With `include=list`.")] = None
    parent: "Annotated[Task | None, Field(description='With `include=parent`.')]" = None
    tags: "Annotated[_Tags, Field(description='With `include=tags`.')]" = []
    subtasks: "Annotated[_Tasks, Field(description='With `include=subtasks`.')]" = []
    comments: "Annotated[_Comments, Field(description='With `include=comments`.')]" = []


# `list` is a member of Task, so inside it the type needs another name.
_Tags = list[Tag]
_Tasks = list[Task]
_Comments = list[Comment]


class Account(BaseModel):
    """One's own account."""

    model_config = _shape(ACCOUNT)

    id: str
    email: str | None
    name: str | None
    created_at: datetime
    updated_at: datetime
    revision: Annotated[int, Field(description="The number of the account's last write.")]


class Admission(BaseModel):
    """Tokens of a session, and whom it belongs to."""

    model_config = _shape(
        {
            "access_token": "eyJ…",
            "token_type": "bearer",
            "refresh_token": "todo_refresh_…",
            "expires_in": 900,
            "user": ACCOUNT,
        }
    )

    access_token: str
    token_type: str
    refresh_token: Annotated[str, Field(description="For /api/auth/refresh, once; the answer holds the next one.")]
    expires_in: Annotated[int, Field(description="Seconds until the access token expires.")]
    user: Account


class Session(BaseModel):
    """A login on one device."""

    model_config = _shape(SESSION)

    id: UUID
    device: Annotated[str | None, Field(description="What the device called itself (User-Agent).")]
    created_at: datetime
    last_used_at: Annotated[datetime, Field(description="When it was last refreshed.")]
    expires_at: Annotated[datetime, Field(description="When it ends if it is not refreshed.")]
    current: Annotated[bool, Field(description="Whether the token is of this session.")]


class ApiToken(BaseModel):
    """A token for a program."""

    model_config = _shape(API_TOKEN)

    id: UUID
    name: str
    scopes: list[Scope]
    created_at: datetime
    last_used_at: Annotated[datetime | None, Field(description="To the minute; null if never.")]
    expires_at: datetime


class NewApiToken(ApiToken):
    """A new API token, with its secret."""

    model_config = _shape({**API_TOKEN, "last_used_at": None, "token": "todo_api_…"})

    token: Annotated[str, Field(description="Send it as `Authorization: Bearer …`. It is shown here and never again.")]


class ProblemFlaw(BaseModel):
    """One thing wrong with the input."""

    pointer: Annotated[str, Field(description="JSON pointer to the member or parameter.")]
    detail: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = _shape(
        {
            "type": "urn:todo:problem:invalid-input",
            "title": "Invalid input",
            "status": 422,
            "detail": "Must not be blank.",
            "error_code": "INVALID_INPUT",
            "status_code": 422,
            "errors": [{"pointer": "/title", "detail": "Must not be blank."}],
            "request_id": "5f0c",
        }
    )

    type: str
    title: str
    status: int
    detail: str
    error_code: str
    status_code: Annotated[int, Field(description="The same as `status`.")]
    request_id: str
    errors: Annotated[list[ProblemFlaw], Field(description="With INVALID_INPUT.")] = []
    current: Annotated[dict[str, Any] | None, Field(description="With PRECONDITION_FAILED: the row as it is now.")] = None


class About(BaseModel):
    """Where everything is."""

    name: str
    version: str
    api: str
    docs: str
    openapi: str
    graphql: str


class Condition(BaseModel):
    """How the service is."""

    model_config = _shape({"status": "ok"})

    status: str
