"""Endpoints of tags: /api/{user_id}/tags."""

from typing import Annotated

from fastapi import Body, Query, Request
from starlette.responses import Response

from api import responses
from api.dependencies import TagServiceDep
from api.openapi import schemas
from api.openapi.responses import created, no_content, page, readable_row, row, user_errors
from api.preconditions import ConditionalReadDep, PreconditionsDep
from api.routing import create_router
from models.base import EXAMPLE_TAG_ID
from models.schemas.field_types import Id
from models.schemas.query_params import PageQuery, RowQuery
from models.tag import TagCreate, TagMerge, TagUpdate
from services.list_query import list_query
from services.query_engine.entity_registry import TAG
from services.query_engine.rest_projection import default_row_selection, row_selection_for

router = create_router("/api/{user_id}/tags", "Tags")
ROW_SELECTION = default_row_selection(TAG)

TagCreateBody = Annotated[TagCreate, Body(openapi_examples={"new": {"value": {"name": "home", "color": "teal"}}})]
TagMergeBody = Annotated[TagMerge, Body(openapi_examples={"other": {"value": {"into": EXAMPLE_TAG_ID}}})]
TagUpdateBody = Annotated[TagUpdate, Body(openapi_examples={"change": {"value": {"color": "#2e7d32"}}})]


@router.get("", operation_id="listTags", responses=page(schemas.Tag) | user_errors(412))
def list_tags(
    tags: TagServiceDep, request: Request, query: Annotated[PageQuery, Query()], conditional: ConditionalReadDep
) -> Response:
    """List tags, one page at a time."""
    return responses.page_response(tags.list_page(list_query(TAG, query), conditional), request)


@router.post("", operation_id="createTag", status_code=201, responses=created(schemas.Tag) | user_errors(409, 412, 413, 415))
def create_tag(tags: TagServiceDep, request: Request, body: TagCreateBody, preconditions: PreconditionsDep) -> Response:
    """Create a tag. Its name must be unique, ignoring case. With a client-generated id, the request can be repeated safely."""
    return responses.created_response(tags.create(body, ROW_SELECTION, preconditions), responses.quoted_path(request))


@router.get("/{id}", operation_id="getTag", responses=readable_row(schemas.Tag) | user_errors(404, 412))
def get_tag(tags: TagServiceDep, id: Id, query: Annotated[RowQuery, Query()], conditional: ConditionalReadDep) -> Response:
    """Get a tag."""
    return responses.tagged_response(tags.get(id, row_selection_for(TAG, query), conditional))


@router.put("/{id}", operation_id="putTag", responses=row(schemas.Tag) | user_errors(404, 409, 412, 413, 415))
@router.patch("/{id}", operation_id="patchTag", responses=row(schemas.Tag) | user_errors(404, 409, 412, 413, 415))
def update_tag(tags: TagServiceDep, id: Id, body: TagUpdateBody, preconditions: PreconditionsDep) -> Response:
    """Update a tag. Only fields that are present change; null clears a field. `{}` changes nothing."""
    return responses.row_response(tags.update(id, body, ROW_SELECTION, preconditions))


@router.post("/{id}/merge", operation_id="mergeTag", responses=row(schemas.Tag) | user_errors(404, 412, 413, 415))
def merge_tag(tags: TagServiceDep, id: Id, body: TagMergeBody, preconditions: PreconditionsDep) -> Response:
    """Merge a tag into another one, which its tasks get instead. The tag is deleted; the response is the other tag."""
    return responses.row_response(tags.merge(id, body, ROW_SELECTION, preconditions))


@router.delete("/{id}", operation_id="deleteTag", status_code=204, responses=no_content() | user_errors(404, 412))
def delete_tag(tags: TagServiceDep, id: Id, preconditions: PreconditionsDep) -> Response:
    """Delete a tag. It is removed from its tasks."""
    tags.delete(id, preconditions)
    return responses.no_content()
