"""/api/{user_id}/lists."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from api import answers, shapes
from api.dependencies import IfMatch, ListServiceDep
from api.openapi import gone, many, new, one, owned
from api.routing import create_router
from models.queries import PageQuery, RowQuery, TaskQuery
from models.task_list import ListCreate, ListUpdate
from models.text import Id
from services.listing import level_of, task_level
from services.reading.defaults import default_view, wished_view
from services.reading.graph import TASK_LIST
from services.reading.selection import Compare

router = create_router("/api/{user_id}/lists", "Lists")
VIEW = default_view(TASK_LIST)


@router.get("", operation_id="listLists", responses=many(shapes.TaskList) | owned())
def list_lists(lists: ListServiceDep, request: Request, query: Annotated[PageQuery, Query()]) -> Response:
    """List lists, a page at a time."""
    return answers.page(lists.page(level_of(TASK_LIST, query)), request)


@router.post("", operation_id="createList", status_code=201, responses=new(shapes.TaskList) | owned(409, 413, 415))
def create_list(lists: ListServiceDep, request: Request, body: ListCreate) -> Response:
    """Create a list. With an id of your own, sending it again is safe."""
    return answers.created(lists.create(body, VIEW), answers.place_of(request))


@router.get("/{id}", operation_id="getList", responses=one(shapes.TaskList) | owned(404))
def get_list(lists: ListServiceDep, id: Id, query: Annotated[RowQuery, Query()]) -> Response:
    """Show a list."""
    return answers.wished(lists.one(id, wished_view(TASK_LIST, query)))


@router.put("/{id}", operation_id="putList", responses=one(shapes.TaskList) | owned(404, 409, 412, 413, 415))
@router.patch("/{id}", operation_id="patchList", responses=one(shapes.TaskList) | owned(404, 409, 412, 413, 415))
def update_list(lists: ListServiceDep, id: Id, body: ListUpdate, revisions: IfMatch) -> Response:
    """Change the members that are present; null clears. `{}` changes nothing."""
    return answers.row(lists.update(id, body, VIEW, revisions))


@router.delete("/{id}", operation_id="deleteList", status_code=204, responses=gone() | owned(404, 412))
def delete_list(lists: ListServiceDep, id: Id, revisions: IfMatch) -> Response:
    """Delete a list; its tasks stay, in no list."""
    lists.delete(id, revisions)
    return answers.nothing()


@router.get("/{id}/tasks", operation_id="listTasksOfList", responses=many(shapes.Task) | owned(404), tags=["Tasks"])
def list_tasks_of_list(lists: ListServiceDep, id: Id, request: Request, query: Annotated[TaskQuery, Query()]) -> Response:
    """List the tasks in a list."""
    level = task_level(query, Compare("list_id", "eq", id))
    return answers.page(lists.page_of(id, level), request)
