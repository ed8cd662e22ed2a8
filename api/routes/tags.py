"""/api/{user_id}/tags."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from api import answers, shapes
from api.dependencies import IfMatch, Tags
from api.openapi.responses import created, no_content, page, row, user_errors
from api.routing import router
from models.queries import PageQuery, RowQuery
from models.tag import TagCreate, TagUpdate
from models.text import Id
from services.listing import level_of
from services.reading.defaults import default_row_selection, row_selection_for
from services.reading.entity_registry import TAG

routes = router("/api/{user_id}/tags", "Tags")
VIEW = default_row_selection(TAG)


@routes.get("", operation_id="listTags", responses=page(shapes.Tag) | user_errors())
def list_tags(tags: Tags, request: Request, query: Annotated[PageQuery, Query()]) -> Response:
    """List tags, a page at a time."""
    return answers.page(tags.page(level_of(TAG, query)), request)


@routes.post("", operation_id="createTag", status_code=201, responses=created(shapes.Tag) | user_errors(409, 413, 415))
def create_tag(tags: Tags, request: Request, body: TagCreate) -> Response:
    """Create a tag; its name is unique, ignoring case. With an id of your own, sending it again is safe."""
    return answers.created(tags.create(body, VIEW), answers.place_of(request))


@routes.get("/{id}", operation_id="getTag", responses=row(shapes.Tag) | user_errors(404))
def get_tag(tags: Tags, id: Id, query: Annotated[RowQuery, Query()]) -> Response:
    """Show a tag."""
    return answers.wished(tags.one(id, row_selection_for(TAG, query)))


@routes.put("/{id}", operation_id="putTag", responses=row(shapes.Tag) | user_errors(404, 409, 412, 413, 415))
@routes.patch("/{id}", operation_id="patchTag", responses=row(shapes.Tag) | user_errors(404, 409, 412, 413, 415))
def update_tag(tags: Tags, id: Id, body: TagUpdate, revisions: IfMatch) -> Response:
    """Change the members that are present; null clears. `{}` changes nothing."""
    return answers.row(tags.update(id, body, VIEW, revisions))


@routes.delete("/{id}", operation_id="deleteTag", status_code=204, responses=no_content() | user_errors(404, 412))
def delete_tag(tags: Tags, id: Id, revisions: IfMatch) -> Response:
    """Delete a tag; it is taken off its tasks."""
    tags.delete(id, revisions)
    return answers.nothing()
