"""Endpoints of login sessions: /api/auth/sessions."""

from starlette.responses import Response

from api import responses
from api.dependencies import SessionServiceDep
from api.openapi import schemas
from api.openapi.responses import NOT_MODIFIED, READ_HEADERS, Responses, errors, no_content
from api.preconditions import PreconditionsDep
from api.routing import create_router
from models.schemas.field_types import Id

router = create_router("/api/auth/sessions", "Sessions")
LIST_RESPONSES: Responses = {
    200: {"model": list[schemas.Session], "description": "Active sessions, most recently used first.", "headers": READ_HEADERS}
}


@router.get("", operation_id="listSessions", responses=LIST_RESPONSES | NOT_MODIFIED | errors(401, 403, 412))
def list_sessions(sessions: SessionServiceDep, preconditions: PreconditionsDep) -> Response:
    """List the active sessions of the account."""
    return responses.hashed_response(sessions.list_all(), preconditions)


@router.delete(
    "",
    operation_id="deleteOtherSessions",
    status_code=204,
    responses=no_content("The sessions are revoked.") | errors(401, 403, 412),
)
def revoke_other_sessions(sessions: SessionServiceDep, preconditions: PreconditionsDep) -> Response:
    """Revoke all sessions of the account except the session of the access token."""
    sessions.revoke_others(preconditions)
    return responses.no_content()


@router.delete(
    "/{id}",
    operation_id="deleteSession",
    status_code=204,
    responses=no_content("The session is revoked.") | errors(401, 403, 404, 412),
)
def revoke_session(sessions: SessionServiceDep, id: Id, preconditions: PreconditionsDep) -> Response:
    """Revoke a session. Its tokens stop working immediately."""
    sessions.revoke(id, preconditions)
    return responses.no_content()
