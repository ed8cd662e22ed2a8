"""/api/auth/sessions: on which devices one is logged in."""

from starlette.responses import Response

from api import responses
from api.dependencies import SessionServiceDep
from api.openapi import schemas
from api.openapi.responses import Responses, errors, no_content
from api.routing import create_router
from models.field_types import Id

router = create_router("/api/auth/sessions", "Sessions")
LIST_RESPONSES: Responses = {200: {"model": list[schemas.Session], "description": "The open ones, the one used last first."}}


@router.get("", operation_id="listSessions", responses=LIST_RESPONSES | errors(401, 403))
def list_sessions(sessions: SessionServiceDep) -> Response:
    """List one's open sessions."""
    return responses.json_response(sessions.list_all())


@router.delete("", operation_id="deleteOtherSessions", status_code=204, responses=no_content() | errors(401, 403))
def end_other_sessions(sessions: SessionServiceDep) -> Response:
    """End all of one's sessions but the one of the token."""
    sessions.revoke_others()
    return responses.no_content()


@router.delete("/{id}", operation_id="deleteSession", status_code=204, responses=no_content() | errors(401, 403, 404))
def end_session(sessions: SessionServiceDep, id: Id) -> Response:
    """End a session. Its tokens die at once."""
    sessions.revoke(id)
    return responses.no_content()
