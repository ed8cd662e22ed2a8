"""Payload types of mutations, one for each object type."""

import strawberry

from graphql_schema.types.objects import ApiToken, Comment, Tag, Task, TaskList, Viewer


@strawberry.type(description="Result of a mutation of a task.")
class TaskPayload:
    """Payload with one task."""

    task: Task = strawberry.field(description="The task after the mutation.")


@strawberry.type(description="Result of a mutation of several tasks.")
class TasksPayload:
    """Payload with several tasks."""

    tasks: list[Task] = strawberry.field(description="The tasks after the mutation, in the order of the arguments.")


@strawberry.type(description="Result of a mutation of a list.")
class ListPayload:
    """Payload with one list."""

    list: TaskList = strawberry.field(description="The list after the mutation.")


@strawberry.type(description="Result of a mutation of a tag.")
class TagPayload:
    """Payload with one tag."""

    tag: Tag = strawberry.field(description="The tag after the mutation.")


@strawberry.type(description="Result of a mutation of a comment.")
class CommentPayload:
    """Payload with one comment."""

    comment: Comment = strawberry.field(description="The comment after the mutation.")


@strawberry.type(description="Deletion result.")
class DeletePayload:
    """Payload with the id of a deleted row."""

    id: strawberry.ID = strawberry.field(description="Id of the deleted object.")


@strawberry.type(description="Result of several deletions.")
class DeleteManyPayload:
    """Payload with the ids of deleted rows."""

    ids: list[strawberry.ID] = strawberry.field(description="Ids of the deleted objects.")


@strawberry.type(description="Result of a mutation of the account.")
class AccountPayload:
    """Payload with the account of the authenticated user."""

    user: Viewer = strawberry.field(description="The authenticated user.")


@strawberry.type(description="Access and refresh token of a session, and its user.")
class AuthPayload:
    """Payload with the tokens of a session."""

    user: Viewer = strawberry.field(description="The authenticated user.")
    access_token: str = strawberry.field(description="Access token; send it as `Authorization: Bearer …`.")
    refresh_token: str = strawberry.field(description="Refresh token for one `refresh`, which returns the next one.")
    expires_in: int = strawberry.field(description="Seconds until the access token expires.")


@strawberry.type(description="Result of a logout.")
class LogOutPayload:
    """Payload with the id of the revoked session."""

    session_id: strawberry.ID | None = strawberry.field(description="Id of the revoked session; null if it had already ended.")


@strawberry.type(description="The new API token and its secret.")
class ApiTokenPayload:
    """Payload with a new API token."""

    api_token: ApiToken = strawberry.field(description="The new API token.")
    secret: str = strawberry.field(
        description="Secret of the token; send it as `Authorization: Bearer …`. It is returned only once."
    )
