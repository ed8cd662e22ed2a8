"""Endpoints of tasks: /api/{user_id}/tasks."""

from typing import Annotated

from fastapi import Body, Query, Request
from starlette.responses import Response

from api import responses
from api.dependencies import PathUserDep, TaskServiceDep
from api.openapi import schemas
from api.openapi.responses import created, no_content, page, readable_row, row, rows, user_errors
from api.preconditions import ConditionalReadDep, PreconditionsDep
from api.routing import create_router
from models.base import EXAMPLE_ID, EXAMPLE_LIST_ID
from models.comment import CommentCreate
from models.schemas.field_types import Id
from models.schemas.query_params import PageQuery, RowQuery, TaskQuery
from models.task import TaskCompletion, TaskCreate, TaskMove, TasksMove, TaskUpdate
from services.comments import TaskCommentService
from services.list_query import list_query, task_list_query
from services.query_engine.entity_registry import COMMENT, TASK
from services.query_engine.query_model import Comparison
from services.query_engine.rest_projection import default_row_selection, default_rows_selection, row_selection_for

router = create_router("/api/{user_id}/tasks", "Tasks")
ROW_SELECTION = default_row_selection(TASK)
ROWS_SELECTION = default_rows_selection(TASK)

TaskCreateBody = Annotated[
    TaskCreate,
    Body(
        openapi_examples={"short": {"value": {"title": "Buy milk"}}, "full": {"value": {"title": "Buy milk", "priority": "high"}}}
    ),
]
TaskUpdateBody = Annotated[TaskUpdate, Body(openapi_examples={"retitle": {"value": {"title": "Oat milk", "priority": "low"}}})]
CommentCreateBody = Annotated[CommentCreate, Body(openapi_examples={"note": {"value": {"body": "The oat one."}}})]
TaskCompletionBody = Annotated[TaskCompletion | None, Body(openapi_examples={"set": {"value": {"completed": True}}})]
TaskMoveBody = Annotated[
    TaskMove,
    Body(
        openapi_examples={
            "before": {"value": {"before": EXAMPLE_ID}},
            "to another list": {"value": {"to": "last", "list_id": EXAMPLE_LIST_ID}},
        }
    ),
]
TasksMoveBody = Annotated[TasksMove, Body(openapi_examples={"first": {"value": {"ids": [EXAMPLE_ID], "to": "first"}}})]


@router.get("", operation_id="listTasks", responses=page(schemas.Task) | user_errors(412))
def list_tasks(
    tasks: TaskServiceDep, request: Request, query: Annotated[TaskQuery, Query()], conditional: ConditionalReadDep
) -> Response:
    """List tasks, one page at a time."""
    return responses.page_response(tasks.list_page(task_list_query(query), conditional), request)


@router.post("", operation_id="createTask", status_code=201, responses=created(schemas.Task) | user_errors(409, 412, 413, 415))
def create_task(tasks: TaskServiceDep, request: Request, body: TaskCreateBody, preconditions: PreconditionsDep) -> Response:
    """Create a task. With a client-generated id, the request can be repeated safely."""
    return responses.created_response(tasks.create(body, ROW_SELECTION, preconditions), responses.quoted_path(request))


@router.get("/{id:task_id}", operation_id="getTask", responses=readable_row(schemas.Task) | user_errors(404, 412))
def get_task(tasks: TaskServiceDep, id: Id, query: Annotated[RowQuery, Query()], conditional: ConditionalReadDep) -> Response:
    """Get a task."""
    return responses.tagged_response(tasks.get(id, row_selection_for(TASK, query), conditional))


@router.put("/{id:task_id}", operation_id="putTask", responses=row(schemas.Task) | user_errors(404, 412, 413, 415))
@router.patch("/{id:task_id}", operation_id="patchTask", responses=row(schemas.Task) | user_errors(404, 412, 413, 415))
def update_task(tasks: TaskServiceDep, id: Id, body: TaskUpdateBody, preconditions: PreconditionsDep) -> Response:
    """Update a task. Only fields that are present change; null clears a field. `{}` changes nothing."""
    return responses.row_response(tasks.update(id, body, ROW_SELECTION, preconditions))


@router.delete("/{id:task_id}", operation_id="deleteTask", status_code=204, responses=no_content() | user_errors(404, 412))
def delete_task(tasks: TaskServiceDep, id: Id, preconditions: PreconditionsDep) -> Response:
    """Delete a task with its subtasks and comments."""
    tasks.delete(id, preconditions)
    return responses.no_content()


@router.patch("/{id}/complete", operation_id="completeTask", responses=row(schemas.Task) | user_errors(404, 412, 413, 415))
def complete_task(tasks: TaskServiceDep, id: Id, preconditions: PreconditionsDep, body: TaskCompletionBody = None) -> Response:
    """Complete a task, or reopen a completed task. With a body, set `completed`, so that the request can be repeated safely."""
    return responses.row_response(tasks.complete(id, ROW_SELECTION, preconditions, completed=body.completed if body else None))


@router.post("/move", operation_id="moveTasks", responses=rows(schemas.Task) | user_errors(404, 409, 412, 413, 415))
def move_tasks(tasks: TaskServiceDep, body: TasksMoveBody, preconditions: PreconditionsDep) -> Response:
    """Move several tasks to a place, where they follow one another in the order of `ids`. All or none are moved.

    If-Match applies to each task: list the ETags of all.
    """
    return responses.json_response(tasks.move_many(body, ROWS_SELECTION, preconditions))


@router.post("/{id}/move", operation_id="moveTask", responses=row(schemas.Task) | user_errors(404, 409, 412, 413, 415))
def move_task(tasks: TaskServiceDep, id: Id, body: TaskMoveBody, preconditions: PreconditionsDep) -> Response:
    """Move a task among its siblings, or to another list or parent. No effect if it is at the place already.

    If there is no number left between two neighbors, the smallest run of siblings around the place gets new positions too.
    """
    return responses.row_response(tasks.move(id, body, ROW_SELECTION, preconditions))


@router.post("/{id}/restore", operation_id="restoreTask", responses=row(schemas.Task) | user_errors(404, 412))
def restore_task(tasks: TaskServiceDep, id: Id, preconditions: PreconditionsDep) -> Response:
    """Restore a deleted task, with the subtasks and comments that were deleted with it."""
    return responses.row_response(tasks.restore(id, ROW_SELECTION, preconditions))


@router.put("/{id}/tags/{tag_id}", operation_id="addTag", responses=row(schemas.Task) | user_errors(404, 412))
def add_tag(tasks: TaskServiceDep, id: Id, tag_id: Id, preconditions: PreconditionsDep) -> Response:
    """Add a tag to a task, which has at most 100. No effect if the task has the tag."""
    return responses.row_response(tasks.change_tags(id, ROW_SELECTION, preconditions, add=[tag_id]))


@router.delete("/{id}/tags/{tag_id}", operation_id="removeTag", responses=row(schemas.Task) | user_errors(404, 412))
def remove_tag(tasks: TaskServiceDep, id: Id, tag_id: Id, preconditions: PreconditionsDep) -> Response:
    """Remove a tag from a task. No effect if the task does not have the tag."""
    return responses.row_response(tasks.change_tags(id, ROW_SELECTION, preconditions, remove=[tag_id]))


@router.get("/{id}/subtasks", operation_id="listSubtasks", responses=page(schemas.Task) | user_errors(404, 412))
def list_subtasks(
    tasks: TaskServiceDep, id: Id, request: Request, query: Annotated[TaskQuery, Query()], conditional: ConditionalReadDep
) -> Response:
    """List the subtasks of a task, one page at a time."""
    node = task_list_query(query, Comparison("parent_id", "eq", id))
    return responses.page_response(tasks.list_related(id, node, conditional), request)


@router.get(
    "/{id}/comments", operation_id="listComments", responses=page(schemas.Comment) | user_errors(404, 412), tags=["Comments"]
)
def list_comments(
    tasks: TaskServiceDep, id: Id, request: Request, query: Annotated[PageQuery, Query()], conditional: ConditionalReadDep
) -> Response:
    """List the comments on a task, oldest first, one page at a time."""
    node = list_query(COMMENT, query, Comparison("task_id", "eq", id))
    return responses.page_response(tasks.list_related(id, node, conditional), request)


@router.post(
    "/{id}/comments",
    operation_id="addComment",
    status_code=201,
    responses=created(schemas.Comment) | user_errors(404, 409, 412, 413, 415),
    tags=["Comments"],
)
def add_comment(
    user: PathUserDep, id: Id, request: Request, body: CommentCreateBody, preconditions: PreconditionsDep
) -> Response:
    """Add a comment to a task."""
    result = TaskCommentService(user, id).create(body, default_row_selection(COMMENT), preconditions)
    return responses.created_response(result, responses.user_path(request, "comments"))
