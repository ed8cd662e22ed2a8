"""What mutations answer: one payload per noun."""

import strawberry

from graphql_schema.types.objects import ApiToken, Comment, Tag, Task, TaskList, Viewer


@strawberry.type(description="The task as it is now.")
class TaskPayload:
    """One task."""

    task: Task = strawberry.field(description="The task.")


@strawberry.type(description="The tasks as they are now, in the order in which they were named.")
class TasksPayload:
    """Several tasks."""

    tasks: list[Task] = strawberry.field(description="The tasks.")


@strawberry.type(description="The list as it is now.")
class ListPayload:
    """One list."""

    list: TaskList = strawberry.field(description="The list.")


@strawberry.type(description="The tag as it is now.")
class TagPayload:
    """One tag."""

    tag: Tag = strawberry.field(description="The tag.")


@strawberry.type(description="The comment as it is now.")
class CommentPayload:
    """One comment."""

    comment: Comment = strawberry.field(description="The comment.")


@strawberry.type(description="What is gone.")
class DeletePayload:
    """One id."""

    id: strawberry.ID = strawberry.field(description="The id of what is gone.")


@strawberry.type(description="What are gone.")
class DeleteManyPayload:
    """Several ids."""

    ids: list[strawberry.ID] = strawberry.field(description="The ids of what are gone.")


@strawberry.type(description="Your account as it is now.")
class AccountPayload:
    """One's own account."""

    user: Viewer = strawberry.field(description="You.")


@strawberry.type(description="Tokens of a session, and whom it belongs to.")
class AuthPayload:
    """A login."""

    user: Viewer = strawberry.field(description="You.")
    access_token: str = strawberry.field(description="Send it as `Authorization: Bearer …`.")
    refresh_token: str = strawberry.field(description="For `refresh`, once; the answer holds the next one.")
    expires_in: int = strawberry.field(description="Seconds until the access token expires.")


@strawberry.type(description="What has ended.")
class LogOutPayload:
    """A session, perhaps."""

    session_id: strawberry.ID | None = strawberry.field(description="The session; null if it had ended before.")


@strawberry.type(description="The API token, and its secret.")
class ApiTokenPayload:
    """A new API token."""

    api_token: ApiToken = strawberry.field(description="The API token.")
    secret: str = strawberry.field(description="Send it as `Authorization: Bearer …`. It is shown here and never again.")
