"""Endpoints of single comments: /api/{user_id}/comments. Those to list and add comments are under the task."""

from typing import Annotated

from fastapi import Body, Query
from starlette.responses import Response

from api import responses
from api.dependencies import CommentServiceDep
from api.openapi import schemas
from api.openapi.responses import no_content, readable_row, row, user_errors
from api.preconditions import ConditionalReadDep, PreconditionsDep
from api.routing import create_router
from models.comment import CommentUpdate
from models.schemas.field_types import Id
from models.schemas.query_params import RowQuery
from services.query_engine.entity_registry import COMMENT
from services.query_engine.rest_projection import default_row_selection, row_selection_for

router = create_router("/api/{user_id}/comments", "Comments")
ROW_SELECTION = default_row_selection(COMMENT)

CommentUpdateBody = Annotated[CommentUpdate, Body(openapi_examples={"change": {"value": {"body": "The oat one, please."}}})]


@router.get("/{id}", operation_id="getComment", responses=readable_row(schemas.Comment) | user_errors(404, 412))
def get_comment(
    comments: CommentServiceDep, id: Id, query: Annotated[RowQuery, Query()], conditional: ConditionalReadDep
) -> Response:
    """Get a comment."""
    return responses.tagged_response(comments.get(id, row_selection_for(COMMENT, query), conditional))


@router.put("/{id}", operation_id="putComment", responses=row(schemas.Comment) | user_errors(404, 412, 413, 415))
@router.patch("/{id}", operation_id="patchComment", responses=row(schemas.Comment) | user_errors(404, 412, 413, 415))
def update_comment(comments: CommentServiceDep, id: Id, body: CommentUpdateBody, preconditions: PreconditionsDep) -> Response:
    """Update a comment. Only fields that are present change; null clears a field. `{}` changes nothing."""
    return responses.row_response(comments.update(id, body, ROW_SELECTION, preconditions))


@router.delete("/{id}", operation_id="deleteComment", status_code=204, responses=no_content() | user_errors(404, 412))
def delete_comment(comments: CommentServiceDep, id: Id, preconditions: PreconditionsDep) -> Response:
    """Delete a comment."""
    comments.delete(id, preconditions)
    return responses.no_content()
