"""/api/{user_id}/lists."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from api import answers, shapes
from api.dependencies import IfMatch, Lists
from api.openapi.responses import created, no_content, page, row, user_errors
from api.routing import router
from models.queries import PageQuery, RowQuery, TaskQuery
from models.task_list import ListCreate, ListUpdate
from models.text import Id
from services.listing import level_of, task_level
from services.reading.defaults import default_row_selection, row_selection_for
from services.reading.entity_registry import TASK_LIST
from services.reading.selection import Compare

routes = router("/api/{user_id}/lists", "Lists")
VIEW = default_row_selection(TASK_LIST)


@routes.get("", operation_id="listLists", responses=page(shapes.TaskList) | user_errors())
def list_lists(lists: Lists, request: Request, query: Annotated[PageQuery, Query()]) -> Response:
    """List lists, a page at a time."""
    return answers.page(lists.page(level_of(TASK_LIST, query)), request)


@routes.post("", operation_id="createList", status_code=201, responses=created(shapes.TaskList) | user_errors(409, 413, 415))
def create_list(lists: Lists, request: Request, body: ListCreate) -> Response:
    """Create a list. With an id of your own, sending it again is safe."""
    return answers.created(lists.create(body, VIEW), answers.place_of(request))


@routes.get("/{id}", operation_id="getList", responses=row(shapes.TaskList) | user_errors(404))
def get_list(lists: Lists, id: Id, query: Annotated[RowQuery, Query()]) -> Response:
    """Show a list."""
    return answers.wished(lists.one(id, row_selection_for(TASK_LIST, query)))


@routes.put("/{id}", operation_id="putList", responses=row(shapes.TaskList) | user_errors(404, 409, 412, 413, 415))
@routes.patch("/{id}", operation_id="patchList", responses=row(shapes.TaskList) | user_errors(404, 409, 412, 413, 415))
def update_list(lists: Lists, id: Id, body: ListUpdate, revisions: IfMatch) -> Response:
    """Change the members that are present; null clears. `{}` changes nothing."""
    return answers.row(lists.update(id, body, VIEW, revisions))


@routes.delete("/{id}", operation_id="deleteList", status_code=204, responses=no_content() | user_errors(404, 412))
def delete_list(lists: Lists, id: Id, revisions: IfMatch) -> Response:
    """Delete a list; its tasks stay, in no list."""
    lists.delete(id, revisions)
    return answers.nothing()


@routes.get("/{id}/tasks", operation_id="listTasksOfList", responses=page(shapes.Task) | user_errors(404), tags=["Tasks"])
def list_tasks_of_list(lists: Lists, id: Id, request: Request, query: Annotated[TaskQuery, Query()]) -> Response:
    """List the tasks in a list."""
    level = task_level(query, Compare("list_id", "eq", id))
    return answers.page(lists.page_of(id, level), request)
