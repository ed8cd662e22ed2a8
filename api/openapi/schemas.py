"""Response schemas for the OpenAPI document. Tests validate real responses against them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.openapi.entity_schema import entity_schema
from models.base import EXAMPLE_ID, EXAMPLE_LIST_ID, EXAMPLE_TAG_ID, EXAMPLE_TIME
from models.scopes import Scope
from services.query_engine.entity_registry import ACCOUNT, COMMENT, TAG, TASK, TASK_LIST

_EXPIRY = "2026-02-04T09:30:00.123456Z"
_SESSION = {
    "id": EXAMPLE_ID,
    "device": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "created_at": EXAMPLE_TIME,
    "last_used_at": EXAMPLE_TIME,
    "expires_at": _EXPIRY,
    "current": True,
}
_API_TOKEN = {
    "id": EXAMPLE_ID,
    "name": "Nightly report",
    "scopes": ["tasks:read"],
    "created_at": EXAMPLE_TIME,
    "last_used_at": EXAMPLE_TIME,
    "expires_at": _EXPIRY,
}


def _config(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


@entity_schema(TAG, id=EXAMPLE_TAG_ID)
class Tag(BaseModel):
    """A tag, which can be added to tasks."""


@entity_schema(TASK_LIST, id=EXAMPLE_LIST_ID)
class TaskList(BaseModel):
    """A list of tasks."""


@entity_schema(COMMENT)
class Comment(BaseModel):
    """A comment on a task."""


@entity_schema(TASK)
class Task(BaseModel):
    """A task."""


@entity_schema(ACCOUNT)
class Account(BaseModel):
    """The account of the authenticated user."""


class TokenResponse(BaseModel):
    """Access and refresh token of a session, and the account of its user."""

    model_config = _config(
        {
            "access_token": "eyJ…",
            "token_type": "bearer",
            "refresh_token": "todo_refresh_…",
            "expires_in": 900,
            "user": ACCOUNT.example,
        }
    )

    access_token: str
    token_type: str
    refresh_token: Annotated[
        str, Field(description="Exchange it once at /api/auth/refresh; the response contains the next refresh token.")
    ]
    expires_in: Annotated[int, Field(description="Seconds until the access token expires.")]
    user: Account


class Session(BaseModel):
    """A login session on one device."""

    model_config = _config(_SESSION)

    id: UUID
    device: Annotated[str | None, Field(description="User-Agent header of the login.")]
    created_at: datetime
    last_used_at: Annotated[datetime, Field(description="Time of the last use, accurate to a minute.")]
    expires_at: Annotated[datetime, Field(description="Time at which the session expires unless it is refreshed.")]
    current: Annotated[bool, Field(description="Whether this is the session of the access token.")]


class ApiToken(BaseModel):
    """An API token, for programs."""

    model_config = _config(_API_TOKEN)

    id: UUID
    name: str
    scopes: list[Scope]
    created_at: datetime
    last_used_at: Annotated[datetime | None, Field(description="Time of the last use, accurate to a minute; null if never used.")]
    expires_at: datetime


class CreatedApiToken(ApiToken):
    """A new API token, with its secret."""

    model_config = _config({**_API_TOKEN, "last_used_at": None, "token": "todo_api_…"})

    token: Annotated[
        str, Field(description="The secret. Send it as `Authorization: Bearer …`. It is returned only in this response.")
    ]


class ErrorCode(StrEnum):
    """Code of an error, for programs."""

    MALFORMED_REQUEST = "MALFORMED_REQUEST"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    CONFLICT = "CONFLICT"
    EMAIL_TAKEN = "EMAIL_TAKEN"
    PRECONDITION_FAILED = "PRECONDITION_FAILED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    INVALID_INPUT = "INVALID_INPUT"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    RATE_LIMITED = "RATE_LIMITED"
    HEADERS_TOO_LARGE = "HEADERS_TOO_LARGE"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"
    TOO_MANY_SOCKETS = "TOO_MANY_SOCKETS"


class FieldError(BaseModel):
    """A validation error of one field or parameter."""

    model_config = _config({"pointer": "/title", "detail": "Must not be blank."})

    pointer: Annotated[str, Field(description="JSON pointer to the field or parameter.")]
    detail: str


class Problem(BaseModel):
    """Problem details of an error (RFC 9457)."""

    model_config = _config(
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
    error_code: ErrorCode
    status_code: Annotated[int, Field(description="Same as `status`.")]
    request_id: str
    errors: Annotated[
        list[FieldError], Field(description="Errors of fields or items, with INVALID_INPUT, CONFLICT or NOT_FOUND.")
    ] = []
    existing_id: Annotated[str, Field(description="Id of the row that has the same name; only with CONFLICT.")] = ""
    current: Annotated[
        dict[str, Any] | None,
        Field(description="Current state of the row; null if it does not exist, and of lists. Only with PRECONDITION_FAILED."),
    ] = None
    retry_after: Annotated[int, Field(description="Seconds to wait before a retry; only with RATE_LIMITED.")] = 0


class ServiceInfo(BaseModel):
    """Name, version and paths of the service."""

    model_config = _config(
        {
            "name": "Todo",
            "version": "0.1.0",
            "api": "/api",
            "docs": "/docs",
            "openapi": "/openapi.json",
            "graphql": "/graphql",
        }
    )

    name: str
    version: str
    api: str
    docs: Annotated[str, Field(description="Absent if the documentation pages are disabled.")] = ""
    openapi: str
    graphql: str


class HealthStatus(BaseModel):
    """Health or readiness of the service."""

    model_config = _config({"status": "ok"})

    status: str
