"""/api/auth/sessions: on which devices one is logged in."""

from starlette.responses import Response

from api import answers, shapes
from api.dependencies import Sessions
from api.openapi.responses import Responses, errors, no_content
from api.routing import router
from models.text import Id

routes = router("/api/auth/sessions", "Sessions")
ALL: Responses = {200: {"model": list[shapes.Session], "description": "The open ones, the one used last first."}}


@routes.get("", operation_id="listSessions", responses=ALL | errors(401, 403))
def list_sessions(sessions: Sessions) -> Response:
    """List one's open sessions."""
    return answers.answer(sessions.all())


@routes.delete("", operation_id="deleteOtherSessions", status_code=204, responses=no_content() | errors(401, 403))
def end_other_sessions(sessions: Sessions) -> Response:
    """End all of one's sessions but the one of the token."""
    sessions.end_others()
    return answers.nothing()


@routes.delete("/{id}", operation_id="deleteSession", status_code=204, responses=no_content() | errors(401, 403, 404))
def end_session(sessions: Sessions, id: Id) -> Response:
    """End a session. Its tokens die at once."""
    sessions.end(id)
    return answers.nothing()
