"""Mutation resolvers. Each root field calls one service method, in a separate transaction."""

from typing import Any

import strawberry
from strawberry import UNSET

from graphql_schema.context import Info
from graphql_schema.lookahead import LookaheadWrite, SelectedField
from graphql_schema.resolvers.account_mutations import AccountMutation
from graphql_schema.resolvers.if_revision import preconditions_for
from graphql_schema.resolvers.queries import parse_id
from graphql_schema.selection import list_payload_selection, payload_selection
from graphql_schema.types.arguments import (
    CommentChanges,
    CommentId,
    IfRevision,
    ListChanges,
    ListId,
    ListPlace,
    MergedTagId,
    NewComment,
    NewList,
    NewTag,
    NewTask,
    NewTasks,
    TagChanges,
    TagId,
    TagIds,
    TaskChanges,
    TaskId,
    TaskIds,
    TaskPlace,
    TasksPlace,
)
from graphql_schema.types.inputs import input_fields, parse_input
from graphql_schema.types.payloads import (
    CommentPayload,
    DeleteManyPayload,
    DeletePayload,
    ListPayload,
    TagPayload,
    TaskPayload,
    TasksPayload,
)
from models.comment import CommentCreate, CommentUpdate
from models.tag import TagCreate, TagMerge, TagUpdate
from models.task import TaskCreate, TaskMove, TasksMove, TaskUpdate
from models.task_list import ListCreate, ListMove, ListUpdate
from services.json_types import JsonObject
from services.query_engine.entity_registry import COMMENT, TAG, TASK, TASK_LIST
from services.query_engine.query_model import RowSelection
from services.resource_service import ResourceService


def _ids(ids: list[strawberry.ID]) -> list[str]:
    return [parse_id(id_, f"/{index}/id") for index, id_ in enumerate(ids)]


def _tag_ids(ids: list[strawberry.ID]) -> list[str]:
    return [parse_id(id_, f"/tag_ids/{index}") for index, id_ in enumerate(ids)]


def _delete(service: ResourceService[Any, Any, Any], id: str, if_revision: int | None) -> DeletePayload:
    """Delete the row, and return its id in canonical form."""
    row_id = parse_id(id)
    service.delete(row_id, preconditions_for(if_revision))
    return DeletePayload(id=strawberry.ID(row_id))


def _task_payload(field: SelectedField) -> RowSelection[JsonObject | None]:
    return payload_selection(field, "task", TASK)


def _tasks_payload(field: SelectedField) -> RowSelection[JsonObject]:
    return list_payload_selection(field, "tasks", TASK)


def _list_payload(field: SelectedField) -> RowSelection[JsonObject | None]:
    return payload_selection(field, "list", TASK_LIST)


def _tag_payload(field: SelectedField) -> RowSelection[JsonObject | None]:
    return payload_selection(field, "tag", TAG)


def _comment_payload(field: SelectedField) -> RowSelection[JsonObject | None]:
    return payload_selection(field, "comment", COMMENT)


@strawberry.type(description="Root type of mutations. Each field runs in a separate transaction.")
class Mutation(AccountMutation):
    """Mutations."""

    @strawberry.mutation(description="Create a task.", graphql_type=TaskPayload)
    def create_task(self, info: Info, input: NewTask) -> LookaheadWrite:
        tasks, new = info.context.tasks, parse_input(TaskCreate, input)
        return LookaheadWrite(lambda field: tasks.create(new, _task_payload(field)).row)

    @strawberry.mutation(description="Create several tasks, all or none; at most 500.", graphql_type=TasksPayload)
    def create_tasks(self, info: Info, inputs: NewTasks) -> LookaheadWrite:
        tasks = info.context.tasks
        new = [parse_input(TaskCreate, item, f"/{index}") for index, item in enumerate(inputs)]
        return LookaheadWrite(lambda field: tasks.create_many(new, _tasks_payload(field)))

    @strawberry.mutation(description="Update a task.", graphql_type=TaskPayload)
    def update_task(self, info: Info, id: TaskId, input: TaskChanges, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        tasks, task_id, change = info.context.tasks, parse_id(id), parse_input(TaskUpdate, input)
        return LookaheadWrite(lambda field: tasks.update(task_id, change, _task_payload(field), preconditions_for(if_revision)))

    @strawberry.mutation(
        description="Apply the same update to several tasks, all or none; at most 500.", graphql_type=TasksPayload
    )
    def update_tasks(self, info: Info, ids: TaskIds, input: TaskChanges) -> LookaheadWrite:
        tasks, task_ids, change = info.context.tasks, _ids(ids), parse_input(TaskUpdate, input)
        return LookaheadWrite(lambda field: tasks.update_many(task_ids, change, _tasks_payload(field)))

    @strawberry.mutation(description="Complete a task. No effect if it is completed already.", graphql_type=TaskPayload)
    def complete_task(self, info: Info, id: TaskId, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        tasks, task_id = info.context.tasks, parse_id(id)
        return LookaheadWrite(
            lambda field: tasks.complete(task_id, _task_payload(field), preconditions_for(if_revision), completed=True)
        )

    @strawberry.mutation(description="Complete several tasks, all or none; at most 500.", graphql_type=TasksPayload)
    def complete_tasks(self, info: Info, ids: TaskIds) -> LookaheadWrite:
        tasks, task_ids = info.context.tasks, _ids(ids)
        return LookaheadWrite(lambda field: tasks.update_many(task_ids, TaskUpdate(completed=True), _tasks_payload(field)))

    @strawberry.mutation(
        description="Set a completed task back to PENDING. No effect if it is not completed.", graphql_type=TaskPayload
    )
    def reopen_task(self, info: Info, id: TaskId, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        tasks, task_id = info.context.tasks, parse_id(id)
        return LookaheadWrite(
            lambda field: tasks.complete(task_id, _task_payload(field), preconditions_for(if_revision), completed=False)
        )

    @strawberry.mutation(description="Complete a task, or reopen it if it is completed already.", graphql_type=TaskPayload)
    def toggle_task(self, info: Info, id: TaskId, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        tasks, task_id = info.context.tasks, parse_id(id)
        return LookaheadWrite(lambda field: tasks.complete(task_id, _task_payload(field), preconditions_for(if_revision)))

    @strawberry.mutation(
        description="Move a task among its siblings, or to another list or parent. No effect if it is at the place already.",
        graphql_type=TaskPayload,
    )
    def move_task(self, info: Info, id: TaskId, input: TaskPlace, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        tasks, task_id, move = info.context.tasks, parse_id(id), parse_input(TaskMove, input)
        return LookaheadWrite(lambda field: tasks.move(task_id, move, _task_payload(field), preconditions_for(if_revision)))

    @strawberry.mutation(
        description="Move several tasks to a place, where they follow one another in the order of the ids, all or none; at most "
        "500.",
        graphql_type=TasksPayload,
    )
    def move_tasks(self, info: Info, ids: TaskIds, input: TasksPlace) -> LookaheadWrite:
        tasks, move = info.context.tasks, parse_input(TasksMove, {**input_fields(input), "ids": _ids(ids)})
        return LookaheadWrite(lambda field: tasks.move_many(move, _tasks_payload(field)))

    @strawberry.mutation(
        description="Add tags to a task, which has at most 100. No effect if the task has them.", graphql_type=TaskPayload
    )
    def add_tags(self, info: Info, id: TaskId, tag_ids: TagIds, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        tasks, task_id, tags = info.context.tasks, parse_id(id), _tag_ids(tag_ids)
        return LookaheadWrite(
            lambda field: tasks.change_tags(task_id, _task_payload(field), preconditions_for(if_revision), add=tags)
        )

    @strawberry.mutation(
        description="Remove tags from a task. No effect if the task does not have them.", graphql_type=TaskPayload
    )
    def remove_tags(self, info: Info, id: TaskId, tag_ids: TagIds, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        tasks, task_id, tags = info.context.tasks, parse_id(id), _tag_ids(tag_ids)
        return LookaheadWrite(
            lambda field: tasks.change_tags(task_id, _task_payload(field), preconditions_for(if_revision), remove=tags)
        )

    @strawberry.mutation(description="Delete a task with its subtasks and comments. `restoreTask` restores them.")
    def delete_task(self, info: Info, id: TaskId, if_revision: IfRevision = UNSET) -> DeletePayload:
        return _delete(info.context.tasks, id, if_revision)

    @strawberry.mutation(description="Delete several tasks with their subtasks and comments, all or none; at most 500.")
    def delete_tasks(self, info: Info, ids: TaskIds) -> DeleteManyPayload:
        task_ids = _ids(ids)
        info.context.tasks.delete_many(task_ids)
        return DeleteManyPayload(ids=[strawberry.ID(task_id) for task_id in task_ids])

    @strawberry.mutation(
        description="Restore a deleted task with the subtasks and comments that were deleted with it.", graphql_type=TaskPayload
    )
    def restore_task(self, info: Info, id: TaskId, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        tasks, task_id = info.context.tasks, parse_id(id)
        return LookaheadWrite(lambda field: tasks.restore(task_id, _task_payload(field), preconditions_for(if_revision)))

    @strawberry.mutation(description="Create a list.", graphql_type=ListPayload)
    def create_list(self, info: Info, input: NewList) -> LookaheadWrite:
        lists, new = info.context.lists, parse_input(ListCreate, input)
        return LookaheadWrite(lambda field: lists.create(new, _list_payload(field)).row)

    @strawberry.mutation(description="Update a list.", graphql_type=ListPayload)
    def update_list(self, info: Info, id: ListId, input: ListChanges, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        lists, list_id, change = info.context.lists, parse_id(id), parse_input(ListUpdate, input)
        return LookaheadWrite(lambda field: lists.update(list_id, change, _list_payload(field), preconditions_for(if_revision)))

    @strawberry.mutation(
        description="Move a list among the lists. No effect if it is at the place already.", graphql_type=ListPayload
    )
    def move_list(self, info: Info, id: ListId, input: ListPlace, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        lists, list_id, move = info.context.lists, parse_id(id), parse_input(ListMove, input)
        return LookaheadWrite(lambda field: lists.move(list_id, move, _list_payload(field), preconditions_for(if_revision)))

    @strawberry.mutation(description="Delete a list. Its tasks are kept, without a list.")
    def delete_list(self, info: Info, id: ListId, if_revision: IfRevision = UNSET) -> DeletePayload:
        return _delete(info.context.lists, id, if_revision)

    @strawberry.mutation(description="Create a tag.", graphql_type=TagPayload)
    def create_tag(self, info: Info, input: NewTag) -> LookaheadWrite:
        tags, new = info.context.tags, parse_input(TagCreate, input)
        return LookaheadWrite(lambda field: tags.create(new, _tag_payload(field)).row)

    @strawberry.mutation(description="Update a tag.", graphql_type=TagPayload)
    def update_tag(self, info: Info, id: TagId, input: TagChanges, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        tags, tag_id, change = info.context.tags, parse_id(id), parse_input(TagUpdate, input)
        return LookaheadWrite(lambda field: tags.update(tag_id, change, _tag_payload(field), preconditions_for(if_revision)))

    @strawberry.mutation(
        description="Merge a tag into another one, which its tasks get instead. The tag is deleted. Returns the other tag.",
        graphql_type=TagPayload,
    )
    def merge_tags(self, info: Info, id: TagId, into: MergedTagId, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        tags, tag_id, merge = info.context.tags, parse_id(id), TagMerge(into=parse_id(into, "/into"))
        return LookaheadWrite(lambda field: tags.merge(tag_id, merge, _tag_payload(field), preconditions_for(if_revision)))

    @strawberry.mutation(description="Delete a tag and remove it from its tasks.")
    def delete_tag(self, info: Info, id: TagId, if_revision: IfRevision = UNSET) -> DeletePayload:
        return _delete(info.context.tags, id, if_revision)

    @strawberry.mutation(description="Add a comment to a task.", graphql_type=CommentPayload)
    def add_comment(self, info: Info, input: NewComment) -> LookaheadWrite:
        fields = input_fields(input)
        comments = info.context.comments_on(parse_id(fields.pop("task_id"), "/task_id"))
        new = parse_input(CommentCreate, fields)
        return LookaheadWrite(lambda field: comments.create(new, _comment_payload(field)).row)

    @strawberry.mutation(description="Update a comment.", graphql_type=CommentPayload)
    def update_comment(self, info: Info, id: CommentId, input: CommentChanges, if_revision: IfRevision = UNSET) -> LookaheadWrite:
        comments, comment_id, change = info.context.comments, parse_id(id), parse_input(CommentUpdate, input)
        return LookaheadWrite(
            lambda field: comments.update(comment_id, change, _comment_payload(field), preconditions_for(if_revision))
        )

    @strawberry.mutation(description="Delete a comment.")
    def delete_comment(self, info: Info, id: CommentId, if_revision: IfRevision = UNSET) -> DeletePayload:
        return _delete(info.context.comments, id, if_revision)
