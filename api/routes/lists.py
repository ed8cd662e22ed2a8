"""Endpoints of lists: /api/{user_id}/lists."""

from typing import Annotated

from fastapi import Body, Query, Request
from starlette.responses import Response

from api import responses
from api.dependencies import ListServiceDep
from api.openapi import schemas
from api.openapi.responses import created, no_content, page, readable_row, row, user_errors
from api.preconditions import ConditionalReadDep, PreconditionsDep
from api.routing import create_router
from models.schemas.field_types import Id
from models.schemas.query_params import PageQuery, RowQuery, TaskQuery
from models.task_list import ListCreate, ListMove, ListUpdate
from services.list_query import list_query, task_list_query
from services.query_engine.entity_registry import TASK_LIST
from services.query_engine.query_model import Comparison
from services.query_engine.rest_projection import default_row_selection, row_selection_for

router = create_router("/api/{user_id}/lists", "Lists")
ROW_SELECTION = default_row_selection(TASK_LIST)

ListCreateBody = Annotated[ListCreate, Body(openapi_examples={"new": {"value": {"name": "Groceries", "color": "#2e7d32"}}})]
ListUpdateBody = Annotated[ListUpdate, Body(openapi_examples={"change": {"value": {"name": "Groceries and household"}}})]
ListMoveBody = Annotated[ListMove, Body(openapi_examples={"first": {"value": {"to": "first"}}})]


@router.get("", operation_id="listLists", responses=page(schemas.TaskList) | user_errors(412))
def list_lists(
    lists: ListServiceDep, request: Request, query: Annotated[PageQuery, Query()], conditional: ConditionalReadDep
) -> Response:
    """List lists, one page at a time."""
    return responses.page_response(lists.list_page(list_query(TASK_LIST, query), conditional), request)


@router.post(
    "", operation_id="createList", status_code=201, responses=created(schemas.TaskList) | user_errors(409, 412, 413, 415)
)
def create_list(lists: ListServiceDep, request: Request, body: ListCreateBody, preconditions: PreconditionsDep) -> Response:
    """Create a list. With a client-generated id, the request can be repeated safely."""
    return responses.created_response(lists.create(body, ROW_SELECTION, preconditions), responses.quoted_path(request))


@router.get("/{id}", operation_id="getList", responses=readable_row(schemas.TaskList) | user_errors(404, 412))
def get_list(lists: ListServiceDep, id: Id, query: Annotated[RowQuery, Query()], conditional: ConditionalReadDep) -> Response:
    """Get a list."""
    return responses.tagged_response(lists.get(id, row_selection_for(TASK_LIST, query), conditional))


@router.put("/{id}", operation_id="putList", responses=row(schemas.TaskList) | user_errors(404, 409, 412, 413, 415))
@router.patch("/{id}", operation_id="patchList", responses=row(schemas.TaskList) | user_errors(404, 409, 412, 413, 415))
def update_list(lists: ListServiceDep, id: Id, body: ListUpdateBody, preconditions: PreconditionsDep) -> Response:
    """Update a list. Only fields that are present change; null clears a field. `{}` changes nothing."""
    return responses.row_response(lists.update(id, body, ROW_SELECTION, preconditions))


@router.delete("/{id}", operation_id="deleteList", status_code=204, responses=no_content() | user_errors(404, 412))
def delete_list(lists: ListServiceDep, id: Id, preconditions: PreconditionsDep) -> Response:
    """Delete a list. Its tasks remain, without a list."""
    lists.delete(id, preconditions)
    return responses.no_content()


@router.post("/{id}/move", operation_id="moveList", responses=row(schemas.TaskList) | user_errors(404, 409, 412, 413, 415))
def move_list(lists: ListServiceDep, id: Id, body: ListMoveBody, preconditions: PreconditionsDep) -> Response:
    """Move a list among the lists. No effect if it is at the place already."""
    return responses.row_response(lists.move(id, body, ROW_SELECTION, preconditions))


@router.get("/{id}/tasks", operation_id="listTasksOfList", responses=page(schemas.Task) | user_errors(404, 412), tags=["Tasks"])
def list_tasks_of_list(
    lists: ListServiceDep, id: Id, request: Request, query: Annotated[TaskQuery, Query()], conditional: ConditionalReadDep
) -> Response:
    """List the tasks of a list, one page at a time."""
    node = task_list_query(query, Comparison("list_id", "eq", id))
    return responses.page_response(lists.list_related(id, node, conditional), request)
