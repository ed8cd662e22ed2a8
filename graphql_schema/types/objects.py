"""GraphQL object types. Each mirrors one entity of the query engine, whose JSON objects are returned without these classes."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

import strawberry
from strawberry import UNSET

from graphql_schema.lookahead import resolve_from_result
from graphql_schema.types.enums import Priority, Scope, Status
from graphql_schema.types.filters import TaskFilter
from graphql_schema.types.ordering import TaskOrder
from models.query_params import DEFAULT_PAGE_SIZE
from services.json_types import JsonObject, JsonValue

First = Annotated[int | None, strawberry.argument(description="How many from the beginning, or after `after`; up to 500.")]
After = Annotated[str | None, strawberry.argument(description="A cursor: begin behind it.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end, or before `before`; instead of `first`.")]
Before = Annotated[str | None, strawberry.argument(description="A cursor: end in front of it.")]
Filter = Annotated[TaskFilter | None, strawberry.argument(description="Which tasks.")]
Search = Annotated[
    str | None,
    strawberry.argument(
        description='Words in title or description, by their beginnings; `"a phrase"`, `-without`, `this OR that`. '
        "Best first, unless `orderBy` says otherwise."
    ),
]
OrderBy = Annotated[list[TaskOrder] | None, strawberry.argument(description="In which order; newest first if absent.")]


def declare_task_connection(
    root: strawberry.Parent[JsonObject],
    info: strawberry.Info,
    first: First = DEFAULT_PAGE_SIZE,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    filter: Filter = UNSET,
    search: Search = UNSET,
    order_by: OrderBy = UNSET,
) -> JsonValue:
    """Declare the arguments of a task connection. The object that holds the connection is complete already."""
    return resolve_from_result(root, info)


def declare_comment_connection(
    root: strawberry.Parent[JsonObject],
    info: strawberry.Info,
    first: First = DEFAULT_PAGE_SIZE,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> JsonValue:
    """Declare the arguments of a comment connection."""
    return resolve_from_result(root, info)


@strawberry.interface(description="Anything with an id.")
class Node:
    """Anything with an id."""

    id: strawberry.ID = strawberry.field(description="The same id as over REST.")


@strawberry.type(description="You.")
class Viewer:
    """One's own account."""

    id: strawberry.ID = strawberry.field(description="Stands in the paths of REST.")
    email: str | None = strawberry.field(description="What you log in with.")
    name: str | None = strawberry.field(description="What to call you.")
    revision: int = strawberry.field(description="The number of your last write.")


@strawberry.type(description="A login on one device.")
class Session:
    """A session."""

    id: strawberry.ID = strawberry.field(description="To end it by.")
    device: str | None = strawberry.field(description="What the device called itself (User-Agent).")
    created_at: datetime = strawberry.field(description="When you logged in.")
    last_used_at: datetime = strawberry.field(description="When it was last refreshed.")
    expires_at: datetime = strawberry.field(description="When it ends if it is not refreshed.")
    current: bool = strawberry.field(description="Whether your token is of this session.")


@strawberry.type(description="A token for a program. Its secret was shown once, when it was made.")
class ApiToken:
    """An API token."""

    id: strawberry.ID = strawberry.field(description="To delete it by.")
    name: str = strawberry.field(description="What you called it.")
    scopes: list[Scope] = strawberry.field(description="What it may do.")
    created_at: datetime = strawberry.field(description="When it was made.")
    last_used_at: datetime | None = strawberry.field(description="When it was last used, to the minute; null if never.")
    expires_at: datetime = strawberry.field(description="When it ends.")


@strawberry.type(description="Something to do.")
class Task(Node):
    """A task."""

    title: str = strawberry.field(description="1 to 200 characters.")
    description: str | None = strawberry.field(description="Up to 2000 characters.")
    status: Status = strawberry.field(description="How far it is.")
    completed: bool = strawberry.field(description="The same as status = COMPLETED.")
    priority: Priority = strawberry.field(description="How pressing it is.")
    position: float = strawberry.field(description="Orders siblings.")
    completed_at: datetime | None = strawberry.field(description="When it was completed, if it is.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    revision: int = strawberry.field(description="Your revision that last touched it; for `ifRevision`.")
    list: "TaskList | None" = strawberry.field(description="The list it is in.")
    parent: "Task | None" = strawberry.field(description="The task it is a subtask of.")
    tags: "_Tags" = strawberry.field(description="The tags it bears, by name.")
    subtasks = strawberry.field(
        resolver=declare_task_connection, graphql_type="TaskConnection", description="The tasks that are its parts."
    )
    comments = strawberry.field(
        resolver=declare_comment_connection, graphql_type="CommentConnection", description="Remarks on it, oldest first."
    )


@strawberry.type(description="A named, ordered place for tasks.")
class TaskList(Node):
    """A list."""

    name: str = strawberry.field(description="1 to 100 characters.")
    color: str | None = strawberry.field(description="#rgb, #rrggbb or a name.")
    position: float = strawberry.field(description="Orders lists.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    revision: int = strawberry.field(description="Your revision that last touched it; for `ifRevision`.")
    tasks = strawberry.field(resolver=declare_task_connection, graphql_type="TaskConnection", description="The tasks in it.")


@strawberry.type(description="A label.")
class Tag(Node):
    """A tag."""

    name: str = strawberry.field(description="Unique among your tags, ignoring case.")
    color: str | None = strawberry.field(description="#rgb, #rrggbb or a name.")
    revision: int = strawberry.field(description="Your revision that last touched it; for `ifRevision`.")
    tasks = strawberry.field(
        resolver=declare_task_connection, graphql_type="TaskConnection", description="The tasks that bear it."
    )


@strawberry.type(description="A remark on a task.")
class Comment(Node):
    """A comment."""

    body: str = strawberry.field(description="1 to 5000 characters.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    revision: int = strawberry.field(description="Your revision that last touched it; for `ifRevision`.")
    task: Task = strawberry.field(description="What it is on.")


# `list` is a field of Task, so inside it the type needs another name.
_Tags = list[Tag]


@strawberry.type(description="Where a page begins and ends, and what lies beyond.")
class PageInfo:
    """Relay's page info."""

    has_next_page: bool = strawberry.field(description="There is more behind this page.")
    has_previous_page: bool = strawberry.field(description="There is something in front of this page.")
    start_cursor: str | None = strawberry.field(description="The first row's cursor.")
    end_cursor: str | None = strawberry.field(description="The last row's cursor; pass it as `after`.")


ObjectType = TypeVar("ObjectType", Task, TaskList, Tag, Comment)


@strawberry.type(description="A row on a page.")
class Edge(Generic[ObjectType]):
    """A row and its cursor."""

    cursor: str = strawberry.field(description="The row's place in this order.")
    node: ObjectType = strawberry.field(description="The row.")


@strawberry.type(description="A page of rows.")
class Connection(Generic[ObjectType]):
    """A page of rows, as Relay's clients expect it."""

    edges: list[Edge[ObjectType]] = strawberry.field(description="The rows with their cursors.")
    nodes: list[ObjectType] = strawberry.field(description="The rows.")
    page_info: PageInfo = strawberry.field(description="Where the page begins and ends.")
    total_count: int = strawberry.field(description="How many there are on all pages; costs a count, if asked.")


TaskConnection = Connection[Task]
TaskListConnection = Connection[TaskList]
TagConnection = Connection[Tag]
CommentConnection = Connection[Comment]
