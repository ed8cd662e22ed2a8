"""Writing: each field is its own transaction, and calls one service method."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from graphql_schema.account_mutations import AccountMutation
from graphql_schema.context import Info
from graphql_schema.execution import SelectedField, planned
from graphql_schema.inputs import (
    AddCommentInput,
    CreateListInput,
    CreateTagInput,
    CreateTaskInput,
    UpdateCommentInput,
    UpdateListInput,
    UpdateTagInput,
    UpdateTaskInput,
    members,
    shape,
)
from graphql_schema.payloads import (
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
from models.tag import TagCreate, TagUpdate
from models.task import TaskCreate, TaskUpdate
from models.task_list import ListCreate, ListUpdate
from services.reading.entity_registry import COMMENT, TAG, TASK, TASK_LIST
from services.reading.selection import View
from services.rows import Revisions

IfRevision = Annotated[int | None, strawberry.argument(description="Act only if it still has this revision.")]


def _ids(ids: list[strawberry.ID]) -> list[str]:
    return [checked_id(id_, f"/ids/{place}") for place, id_ in enumerate(ids)]


def _revisions(revision: int | None) -> Revisions:
    return None if revision is None or revision is UNSET else frozenset({revision})


def _task(field: SelectedField) -> View:
    return payload_of(field, "task", TASK)


def _tasks(field: SelectedField) -> View:
    return payload_of(field, "tasks", TASK, many=True)


def _list(field: SelectedField) -> View:
    return payload_of(field, "list", TASK_LIST)


def _tag(field: SelectedField) -> View:
    return payload_of(field, "tag", TAG)


def _comment(field: SelectedField) -> View:
    return payload_of(field, "comment", COMMENT)


@strawberry.type(description="Writing. Each field is its own transaction.")
class Mutation(AccountMutation):
    """The roots of writing."""

    @strawberry.mutation(description="Create a task.")
    def create_task(self, info: Info, input: CreateTaskInput) -> TaskPayload:
        tasks, new = info.context.tasks, shape(TaskCreate, input)
        return planned(lambda field: tasks.create(new, _task(field)).tree)

    @strawberry.mutation(description="Create several tasks, all or none.")
    def create_tasks(self, info: Info, inputs: list[CreateTaskInput]) -> TasksPayload:
        tasks = info.context.tasks
        new = [shape(TaskCreate, given, f"/{place}") for place, given in enumerate(inputs)]
        return planned(lambda field: tasks.create_many(new, _tasks(field)))

    @strawberry.mutation(description="Change a task.")
    def update_task(self, info: Info, id: strawberry.ID, input: UpdateTaskInput, if_revision: IfRevision = UNSET) -> TaskPayload:
        tasks, task_id, change = info.context.tasks, checked_id(id), shape(TaskUpdate, input)
        return planned(lambda field: tasks.update(task_id, change, _task(field), _revisions(if_revision)))

    @strawberry.mutation(description="Change several tasks in the same way, all or none.")
    def update_tasks(self, info: Info, ids: list[strawberry.ID], input: UpdateTaskInput) -> TasksPayload:
        tasks, task_ids, change = info.context.tasks, _ids(ids), shape(TaskUpdate, input)
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
        lists, new = info.context.lists, shape(ListCreate, input)
        return planned(lambda field: lists.create(new, _list(field)).tree)

    @strawberry.mutation(description="Change a list.")
    def update_list(self, info: Info, id: strawberry.ID, input: UpdateListInput, if_revision: IfRevision = UNSET) -> ListPayload:
        lists, list_id, change = info.context.lists, checked_id(id), shape(ListUpdate, input)
        return planned(lambda field: lists.update(list_id, change, _list(field), _revisions(if_revision)))

    @strawberry.mutation(description="Delete a list; its tasks stay, in no list.")
    def delete_list(self, info: Info, id: strawberry.ID, if_revision: IfRevision = UNSET) -> DeletePayload:
        info.context.lists.delete(checked_id(id), _revisions(if_revision))
        return DeletePayload(id=id)

    @strawberry.mutation(description="Create a tag.")
    def create_tag(self, info: Info, input: CreateTagInput) -> TagPayload:
        tags, new = info.context.tags, shape(TagCreate, input)
        return planned(lambda field: tags.create(new, _tag(field)).tree)

    @strawberry.mutation(description="Change a tag.")
    def update_tag(self, info: Info, id: strawberry.ID, input: UpdateTagInput, if_revision: IfRevision = UNSET) -> TagPayload:
        tags, tag_id, change = info.context.tags, checked_id(id), shape(TagUpdate, input)
        return planned(lambda field: tags.update(tag_id, change, _tag(field), _revisions(if_revision)))

    @strawberry.mutation(description="Delete a tag; it is taken off its tasks.")
    def delete_tag(self, info: Info, id: strawberry.ID, if_revision: IfRevision = UNSET) -> DeletePayload:
        info.context.tags.delete(checked_id(id), _revisions(if_revision))
        return DeletePayload(id=id)

    @strawberry.mutation(description="Comment on a task.")
    def add_comment(self, info: Info, input: AddCommentInput) -> CommentPayload:
        given = members(input)
        comments = info.context.comments_on(checked_id(given.pop("task_id"), "/task_id"))
        new = shape(CommentCreate, given)
        return planned(lambda field: comments.create(new, _comment(field)).tree)

    @strawberry.mutation(description="Change a comment.")
    def update_comment(
        self, info: Info, id: strawberry.ID, input: UpdateCommentInput, if_revision: IfRevision = UNSET
    ) -> CommentPayload:
        comments, comment_id, change = info.context.comments, checked_id(id), shape(CommentUpdate, input)
        return planned(lambda field: comments.update(comment_id, change, _comment(field), _revisions(if_revision)))

    @strawberry.mutation(description="Delete a comment.")
    def delete_comment(self, info: Info, id: strawberry.ID, if_revision: IfRevision = UNSET) -> DeletePayload:
        info.context.comments.delete(checked_id(id), _revisions(if_revision))
        return DeletePayload(id=id)
