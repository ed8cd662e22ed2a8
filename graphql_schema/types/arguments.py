"""Arguments of root fields that are ids, inputs or revisions, with their descriptions."""

from typing import Annotated

import strawberry

from graphql_schema.types import inputs

NodeId = Annotated[strawberry.ID, strawberry.argument(description="Id of a task, list, tag or comment.")]
TaskId = Annotated[strawberry.ID, strawberry.argument(description="Id of the task.")]
ListId = Annotated[strawberry.ID, strawberry.argument(description="Id of the list.")]
TagId = Annotated[strawberry.ID, strawberry.argument(description="Id of the tag.")]
CommentId = Annotated[strawberry.ID, strawberry.argument(description="Id of the comment.")]
SessionId = Annotated[strawberry.ID, strawberry.argument(description="Id of the session.")]
ApiTokenId = Annotated[strawberry.ID, strawberry.argument(description="Id of the API token.")]
MergedTagId = Annotated[strawberry.ID, strawberry.argument(description="Id of the tag that the tasks get instead.")]
TagIds = Annotated[list[strawberry.ID], strawberry.argument(description="Ids of the tags, at most 500.")]
TaskIds = Annotated[list[strawberry.ID], strawberry.argument(description="Ids of the tasks, at most 500.")]

NewTask = Annotated[inputs.CreateTaskInput, strawberry.argument(description="Fields of the task.")]
NewTasks = Annotated[list[inputs.CreateTaskInput], strawberry.argument(description="Fields of the tasks, at most 500.")]
TaskChanges = Annotated[inputs.UpdateTaskInput, strawberry.argument(description="Fields to change.")]
NewList = Annotated[inputs.CreateListInput, strawberry.argument(description="Fields of the list.")]
ListChanges = Annotated[inputs.UpdateListInput, strawberry.argument(description="Fields to change.")]
TaskPlace = Annotated[inputs.MoveTaskInput, strawberry.argument(description="Place of the task.")]
TasksPlace = Annotated[inputs.MoveTaskInput, strawberry.argument(description="Place of the tasks.")]
ListPlace = Annotated[inputs.MoveListInput, strawberry.argument(description="Place of the list.")]
NewTag = Annotated[inputs.CreateTagInput, strawberry.argument(description="Fields of the tag.")]
TagChanges = Annotated[inputs.UpdateTagInput, strawberry.argument(description="Fields to change.")]
NewComment = Annotated[inputs.AddCommentInput, strawberry.argument(description="Task and text of the comment.")]
CommentChanges = Annotated[inputs.UpdateCommentInput, strawberry.argument(description="Fields to change.")]

NewAccount = Annotated[inputs.RegisterInput, strawberry.argument(description="E-mail, password and name of the account.")]
AccountCredentials = Annotated[inputs.LogInInput, strawberry.argument(description="E-mail and password of the account.")]
SessionToRefresh = Annotated[inputs.RefreshInput, strawberry.argument(description="Refresh token of the session.")]
SessionToRevoke = Annotated[
    inputs.LogOutInput | None, strawberry.argument(description="Session to revoke; that of the access token by default.")
]
NewApiToken = Annotated[inputs.CreateApiTokenInput, strawberry.argument(description="Name, scopes and lifetime of the token.")]
AccountChanges = Annotated[inputs.UpdateAccountInput, strawberry.argument(description="Fields to change.")]

IfRevision = Annotated[
    int | None, strawberry.argument(description="Optimistic concurrency: fails with PRECONDITION_FAILED if the revision differs.")
]
