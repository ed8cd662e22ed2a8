"""GraphQL object types.

Each corresponds to one entity of the query engine, whose JSON objects are returned without instances of these classes.
"""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

import strawberry
from strawberry import UNSET

from graphql_schema.lookahead import resolve_from_result
from graphql_schema.types.enums import Priority, Scope, Status
from graphql_schema.types.filters import TaskFilter
from graphql_schema.types.ordering import TaskOrder
from models.schemas.query_params import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from services.json_types import JsonObject, JsonValue

First = Annotated[
    int | None,
    strawberry.argument(
        description=f"Returns the first n of the rows between `after` and `before`; at most {MAX_PAGE_SIZE}. "
        f"{DEFAULT_PAGE_SIZE} unless `last` is given."
    ),
]
After = Annotated[str | None, strawberry.argument(description="Returns the rows after this cursor.")]
Last = Annotated[
    int | None,
    strawberry.argument(
        description=f"Returns the last n of the rows between `after` and `before`; at most {MAX_PAGE_SIZE}. "
        "With `first`, the last n of these first rows."
    ),
]
Before = Annotated[str | None, strawberry.argument(description="Returns the rows before this cursor.")]
Filter = Annotated[TaskFilter | None, strawberry.argument(description="Condition that the tasks must match.")]
Search = Annotated[
    str | None,
    strawberry.argument(
        description="Full-text search in title and description by word prefixes, ignoring case and accents; supports "
        '`"a phrase"`, `-excluded` and `this OR that`. Ordered by relevance unless `orderBy` is set.'
    ),
]
OrderBy = Annotated[list[TaskOrder] | None, strawberry.argument(description="Sort order; newest first by default.")]


def declare_task_connection(
    root: strawberry.Parent[JsonObject],
    info: strawberry.Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    filter: Filter = UNSET,
    search: Search = UNSET,
    order_by: OrderBy = UNSET,
) -> JsonValue:
    """Return a task connection from the result that the query engine has read; the signature declares its arguments."""
    return resolve_from_result(root, info)


def declare_comment_connection(
    root: strawberry.Parent[JsonObject],
    info: strawberry.Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> JsonValue:
    """Return a comment connection from the result that the query engine has read; the signature declares its arguments."""
    return resolve_from_result(root, info)


@strawberry.interface(description="An object with an id.")
class Node:
    """An object with an id."""

    id: strawberry.ID = strawberry.field(description="Unique id, the same as in the REST API.")


@strawberry.type(description="The authenticated user.")
class Viewer:
    """The account of the authenticated user."""

    id: strawberry.ID = strawberry.field(description="Id of the account; part of every REST path.")
    email: str | None = strawberry.field(description="E-mail address, used to log in.")
    name: str | None = strawberry.field(description="Display name.")
    revision: int = strawberry.field(description="Revision of the last write to the account's data.")


@strawberry.type(description="Login session on one device.")
class Session:
    """A login session."""

    id: strawberry.ID = strawberry.field(description="Id of the session; for `endSession`.")
    device: str | None = strawberry.field(description="Device, from the User-Agent header.")
    created_at: datetime = strawberry.field(description="Time of the login.")
    last_used_at: datetime = strawberry.field(description="Time of the last use, to the minute.")
    expires_at: datetime = strawberry.field(description="Time of expiry, unless the session is refreshed before.")
    current: bool = strawberry.field(description="Whether the access token of this request belongs to the session.")


@strawberry.type(description="API token for a script or integration. Only `createApiToken` returns its secret.")
class ApiToken:
    """An API token."""

    id: strawberry.ID = strawberry.field(description="Id of the token; for `deleteApiToken`.")
    name: str = strawberry.field(description="Name of the token.")
    scopes: list[Scope] = strawberry.field(description="Scopes of the token.")
    created_at: datetime = strawberry.field(description="Time of creation.")
    last_used_at: datetime | None = strawberry.field(description="Time of the last use, to the minute; null if never used.")
    expires_at: datetime = strawberry.field(description="Time of expiry.")


@strawberry.type(description="A task.")
class Task(Node):
    """A task."""

    title: str = strawberry.field(description="Title, 1 to 200 characters.")
    description: str | None = strawberry.field(description="Description, up to 2000 characters.")
    status: Status = strawberry.field(description="Task status.")
    completed: bool = strawberry.field(description="Whether the status is COMPLETED.")
    priority: Priority = strawberry.field(description="Task priority.")
    position: float = strawberry.field(description="Sort position among sibling tasks.")
    completed_at: datetime | None = strawberry.field(description="Time of completion; null unless the task is completed.")
    created_at: datetime = strawberry.field(description="Time of creation.")
    updated_at: datetime = strawberry.field(description="Time of the last change.")
    revision: int = strawberry.field(description="Revision of the last change; pass it as `ifRevision`.")
    list: "TaskList | None" = strawberry.field(description="List that contains the task.")
    parent: "Task | None" = strawberry.field(description="Task of which this is a subtask.")
    tags: "_Tags" = strawberry.field(description="Tags of the task, ordered by name.")
    subtasks = strawberry.field(
        resolver=declare_task_connection, graphql_type="TaskConnection", description="Subtasks of the task."
    )
    comments = strawberry.field(
        resolver=declare_comment_connection, graphql_type="CommentConnection", description="Comments, oldest first."
    )


@strawberry.type(description="A list of tasks.")
class TaskList(Node):
    """A list."""

    name: str = strawberry.field(description="Name, 1 to 100 characters.")
    color: str | None = strawberry.field(description="Color: `#rgb`, `#rrggbb` or a name.")
    position: float = strawberry.field(description="Sort position among the lists.")
    created_at: datetime = strawberry.field(description="Time of creation.")
    updated_at: datetime = strawberry.field(description="Time of the last change.")
    revision: int = strawberry.field(description="Revision of the last change; pass it as `ifRevision`.")
    tasks = strawberry.field(resolver=declare_task_connection, graphql_type="TaskConnection", description="Tasks in the list.")


@strawberry.type(description="A label for tasks.")
class Tag(Node):
    """A tag."""

    name: str = strawberry.field(description="Name, 1 to 50 characters; unique among the user's tags, ignoring case.")
    color: str | None = strawberry.field(description="Color: `#rgb`, `#rrggbb` or a name.")
    revision: int = strawberry.field(description="Revision of the last change; pass it as `ifRevision`.")
    tasks = strawberry.field(resolver=declare_task_connection, graphql_type="TaskConnection", description="Tasks with this tag.")


@strawberry.type(description="A comment on a task.")
class Comment(Node):
    """A comment."""

    body: str = strawberry.field(description="Text of the comment, 1 to 5000 characters.")
    created_at: datetime = strawberry.field(description="Time of creation.")
    updated_at: datetime = strawberry.field(description="Time of the last change.")
    revision: int = strawberry.field(description="Revision of the last change; pass it as `ifRevision`.")
    task: Task = strawberry.field(description="Task to which the comment belongs.")


# Inside Task, `list` is a field and hides the built-in type.
_Tags = list[Tag]


@strawberry.type(description="Information about a page, for pagination.")
class PageInfo:
    """The PageInfo type of the Relay connection specification."""

    has_next_page: bool = strawberry.field(
        description="Whether more rows follow this page; with `first`, before the row of `before`."
    )
    has_previous_page: bool = strawberry.field(
        description="Whether more rows precede this page; with `last`, after the row of `after`."
    )
    start_cursor: str | None = strawberry.field(description="Cursor of the first row.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last row; pass it as `after` to fetch the next page.")


ObjectType = TypeVar("ObjectType", Task, TaskList, Tag, Comment)


@strawberry.type(description="An edge of a connection: a row and its cursor.")
class Edge(Generic[ObjectType]):
    """An edge of a connection."""

    cursor: str = strawberry.field(description="Cursor of the row in this sort order.")
    node: ObjectType = strawberry.field(description="The row.")


@strawberry.type(description="One page of rows.")
class Connection(Generic[ObjectType]):
    """A connection as in the Relay connection specification, with `nodes` and `totalCount` besides."""

    edges: list[Edge[ObjectType]] = strawberry.field(description="Rows with their cursors.")
    nodes: list[ObjectType] = strawberry.field(description="Rows without their cursors.")
    page_info: PageInfo = strawberry.field(description="Information about the page, for pagination.")
    total_count: int = strawberry.field(
        description="Number of rows on all pages. Rows are counted only if this field is selected."
    )


TaskConnection = Connection[Task]
TaskListConnection = Connection[TaskList]
TagConnection = Connection[Tag]
CommentConnection = Connection[Comment]
