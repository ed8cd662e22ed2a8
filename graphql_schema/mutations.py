"""Writing: each field is its own transaction, and calls one service method."""

from typing import Annotated, Any, TypeVar

import strawberry
from pydantic import ValidationError
from strawberry import UNSET

from graphql_schema.context import Info
from graphql_schema.execution import SelectedField, planned
from graphql_schema.inputs import (
    AddCommentInput,
    CreateListInput,
    CreateTagInput,
    CreateTaskInput,
    LogInInput,
    RegisterInput,
    UpdateAccountInput,
    UpdateCommentInput,
    UpdateListInput,
    UpdateTagInput,
    UpdateTaskInput,
    members,
)
from graphql_schema.payloads import (
    AccountPayload,
    AuthPayload,
    CommentPayload,
    DeleteManyPayload,
    DeletePayload,
    ListPayload,
    TagPayload,
    TaskPayload,
    TasksPayload,
)
from graphql_schema.queries import checked_id
from graphql_schema.selection import payload_of
from models.comment import CommentCreate, CommentUpdate
from models.shapes import WriteShape
from models.tag import TagCreate, TagUpdate
from models.task import TaskCreate, TaskUpdate
from models.task_list import ListCreate, ListUpdate
from models.user import AccountChange, Credentials, Registration
from services.accounts import Admission
from services.errors import InvalidInput
from services.reading.graph import ACCOUNT, COMMENT, TAG, TASK, TASK_LIST
from services.reading.selection import View
from services.rows import Revisions

IfRevision = Annotated[int | None, strawberry.argument(description="Act only if it still has this revision.")]
Wanted = TypeVar("Wanted", bound=WriteShape)


def _shape(kind: type[Wanted], given: Any, pointer: str = "") -> Wanted:
    """Build the shape that REST bodies are checked by. Raises InvalidInput."""
    try:
        return kind.model_validate(given if isinstance(given, dict) else members(given))
    except ValidationError as error:
        raise InvalidInput.of(error.errors(), prefix=pointer) from None


def _ids(ids: list[strawberry.ID]) -> list[str]:
    return [checked_id(id_, f"/ids/{place}") for place, id_ in enumerate(ids)]


def _revisions(revision: int | None) -> Revisions:
    return None if revision is None or revision is UNSET else frozenset({revision})


def _task(field: SelectedField) -> View:
    return field.once(lambda field: payload_of(field, "task", TASK))


def _tasks(field: SelectedField) -> View:
    return field.once(lambda field: payload_of(field, "tasks", TASK, many=True))


def _list(field: SelectedField) -> View:
    return field.once(lambda field: payload_of(field, "list", TASK_LIST))


def _tag(field: SelectedField) -> View:
    return field.once(lambda field: payload_of(field, "tag", TAG))


def _comment(field: SelectedField) -> View:
    return field.once(lambda field: payload_of(field, "comment", COMMENT))


def _account(field: SelectedField) -> View:
    return field.once(lambda field: payload_of(field, "user", ACCOUNT))


def _admitted(field: SelectedField, admission: Admission) -> dict[str, Any]:
    """Put the token beside what was read of the account, in the order asked for."""
    token = {"accessToken": admission.access_token, "expiresIn": admission.expires_in}
    return {member.key: token.get(member.name, admission.user.get(member.key)) for member in field.members()}


@strawberry.type(description="Writing. Each field is its own transaction.")
class Mutation:
    """The roots of writing."""

    @strawberry.mutation(description="Make an account; the answer holds its first access token.")
    def register(self, info: Info, input: RegisterInput) -> AuthPayload:
        new, reception = _shape(Registration, input), info.context.reception
        return planned(lambda field: _admitted(field, reception.register(new, _account(field))))

    @strawberry.mutation(description="Exchange e-mail and password for an access token.")
    def log_in(self, info: Info, input: LogInInput) -> AuthPayload:
        credentials, reception = _shape(Credentials, input), info.context.reception
        return planned(lambda field: _admitted(field, reception.log_in(credentials, _account(field))))

    @strawberry.mutation(description="Change your account.")
    def update_account(self, info: Info, input: UpdateAccountInput) -> AccountPayload:
        account, change = info.context.account, _shape(AccountChange, input)
        return planned(lambda field: account.change(change, _account(field)))

    @strawberry.mutation(description="Delete your account and all its data. Its tokens die at once.")
    def delete_account(self, info: Info) -> DeletePayload:
        info.context.account.delete()
        return DeletePayload(id=strawberry.ID(info.context.caller.user_id))

    @strawberry.mutation(description="Create a task.")
    def create_task(self, info: Info, input: CreateTaskInput) -> TaskPayload:
        tasks, new = info.context.tasks, _shape(TaskCreate, input)
        return planned(lambda field: tasks.create(new, _task(field)).tree)

    @strawberry.mutation(description="Create several tasks, all or none.")
    def create_tasks(self, info: Info, inputs: list[CreateTaskInput]) -> TasksPayload:
        tasks = info.context.tasks
        new = [_shape(TaskCreate, given, f"/{place}") for place, given in enumerate(inputs)]
        return planned(lambda field: tasks.create_many(new, _tasks(field)))

    @strawberry.mutation(description="Change a task.")
    def update_task(self, info: Info, id: strawberry.ID, input: UpdateTaskInput, if_revision: IfRevision = UNSET) -> TaskPayload:
        tasks, task_id, change = info.context.tasks, checked_id(id), _shape(TaskUpdate, input)
        return planned(lambda field: tasks.update(task_id, change, _task(field), _revisions(if_revision)))

    @strawberry.mutation(description="Change several tasks in the same way, all or none.")
    def update_tasks(self, info: Info, ids: list[strawberry.ID], input: UpdateTaskInput) -> TasksPayload:
        tasks, task_ids, change = info.context.tasks, _ids(ids), _shape(TaskUpdate, input)
        return planned(lambda field: tasks.update_many(task_ids, change, _tasks(field)))

    @strawberry.mutation(description="Complete a task; on a completed one, nothing changes.")
    def complete_task(self, info: Info, id: strawberry.ID) -> TaskPayload:
        tasks, task_id = info.context.tasks, checked_id(id)
        return planned(lambda field: tasks.complete(task_id, _task(field), completed=True))

    @strawberry.mutation(description="Complete several tasks, all or none.")
    def complete_tasks(self, info: Info, ids: list[strawberry.ID]) -> TasksPayload:
        tasks, task_ids = info.context.tasks, _ids(ids)
        return planned(lambda field: tasks.update_many(task_ids, TaskUpdate(completed=True), _tasks(field)))

    @strawberry.mutation(description="Make a completed task pending again; on another, nothing changes.")
    def reopen_task(self, info: Info, id: strawberry.ID) -> TaskPayload:
        tasks, task_id = info.context.tasks, checked_id(id)
        return planned(lambda field: tasks.complete(task_id, _task(field), completed=False))

    @strawberry.mutation(description="Complete a task, or reopen it if it is completed.")
    def toggle_task(self, info: Info, id: strawberry.ID) -> TaskPayload:
        tasks, task_id = info.context.tasks, checked_id(id)
        return planned(lambda field: tasks.complete(task_id, _task(field)))

    @strawberry.mutation(description="Delete a task with its subtasks and comments.")
    def delete_task(self, info: Info, id: strawberry.ID, if_revision: IfRevision = UNSET) -> DeletePayload:
        info.context.tasks.delete(checked_id(id), _revisions(if_revision))
        return DeletePayload(id=id)

    @strawberry.mutation(description="Delete several tasks, all or none.")
    def delete_tasks(self, info: Info, ids: list[strawberry.ID]) -> DeleteManyPayload:
        info.context.tasks.delete_many(_ids(ids))
        return DeleteManyPayload(ids=ids)

    @strawberry.mutation(description="Bring back a deleted task, with what was deleted with it.")
    def restore_task(self, info: Info, id: strawberry.ID) -> TaskPayload:
        tasks, task_id = info.context.tasks, checked_id(id)
        return planned(lambda field: tasks.restore(task_id, _task(field)))

    @strawberry.mutation(description="Create a list.")
    def create_list(self, info: Info, input: CreateListInput) -> ListPayload:
        lists, new = info.context.lists, _shape(ListCreate, input)
        return planned(lambda field: lists.create(new, _list(field)).tree)

    @strawberry.mutation(description="Change a list.")
    def update_list(self, info: Info, id: strawberry.ID, input: UpdateListInput, if_revision: IfRevision = UNSET) -> ListPayload:
        lists, list_id, change = info.context.lists, checked_id(id), _shape(ListUpdate, input)
        return planned(lambda field: lists.update(list_id, change, _list(field), _revisions(if_revision)))

    @strawberry.mutation(description="Delete a list; its tasks stay, in no list.")
    def delete_list(self, info: Info, id: strawberry.ID, if_revision: IfRevision = UNSET) -> DeletePayload:
        info.context.lists.delete(checked_id(id), _revisions(if_revision))
        return DeletePayload(id=id)

    @strawberry.mutation(description="Create a tag.")
    def create_tag(self, info: Info, input: CreateTagInput) -> TagPayload:
        tags, new = info.context.tags, _shape(TagCreate, input)
        return planned(lambda field: tags.create(new, _tag(field)).tree)

    @strawberry.mutation(description="Change a tag.")
    def update_tag(self, info: Info, id: strawberry.ID, input: UpdateTagInput, if_revision: IfRevision = UNSET) -> TagPayload:
        tags, tag_id, change = info.context.tags, checked_id(id), _shape(TagUpdate, input)
        return planned(lambda field: tags.update(tag_id, change, _tag(field), _revisions(if_revision)))

    @strawberry.mutation(description="Delete a tag; it is taken off its tasks.")
    def delete_tag(self, info: Info, id: strawberry.ID, if_revision: IfRevision = UNSET) -> DeletePayload:
        info.context.tags.delete(checked_id(id), _revisions(if_revision))
        return DeletePayload(id=id)

    @strawberry.mutation(description="Comment on a task.")
    def add_comment(self, info: Info, input: AddCommentInput) -> CommentPayload:
        given = members(input)
        comments = info.context.comments_on(checked_id(given.pop("task_id"), "/task_id"))
        new = _shape(CommentCreate, given)
        return planned(lambda field: comments.create(new, _comment(field)).tree)

    @strawberry.mutation(description="Change a comment.")
    def update_comment(
        self, info: Info, id: strawberry.ID, input: UpdateCommentInput, if_revision: IfRevision = UNSET
    ) -> CommentPayload:
        comments, comment_id, change = info.context.comments, checked_id(id), _shape(CommentUpdate, input)
        return planned(lambda field: comments.update(comment_id, change, _comment(field), _revisions(if_revision)))

    @strawberry.mutation(description="Delete a comment.")
    def delete_comment(self, info: Info, id: strawberry.ID, if_revision: IfRevision = UNSET) -> DeletePayload:
        info.context.comments.delete(checked_id(id), _revisions(if_revision))
        return DeletePayload(id=id)
