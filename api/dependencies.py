"""The gate: who is asking, and the services that person gets. Routes name what they need as annotated aliases."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Path, Request
from fastapi.security import OAuth2PasswordBearer

from api.authentication import arrive, house_of, visitor_of
from api.house import House
from models.text import Id
from services.accounts import AccountService
from services.api_tokens import ApiTokenService
from services.comments import CommentService, TaskCommentService
from services.context import UserContext
from services.errors import Forbidden, InvalidInput, TodoError
from services.limits.visitor import Visitor
from services.lists import ListService
from services.rows import Revisions
from services.sessions import SessionService
from services.tags import TagService
from services.tasks import TaskService

_SCHEME = OAuth2PasswordBearer(tokenUrl="/api/auth/login", auto_error=False, description="The access token, as Bearer.")
_IF_MATCH = re.compile(r'^\s*(\*|(W/)?"[^"]*"(\s*,\s*(W/)?"[^"]*")*)\s*$')
_ENTITY_TAG = re.compile(r'(W/)?"([0-9]{1,18})"')

Service = TypeVar("Service")
Bearer = Annotated[str | None, Depends(_SCHEME)]


async def caller(request: Request, _: Bearer) -> UserContext:
    """Return the context of the bearer token's user. Not a word to the database yet: its opening message asks that."""
    found = await arrive(request)
    if isinstance(found, TodoError):
        raise found
    return found


async def owner(
    context: Annotated[UserContext, Depends(caller)],
    user_id: Annotated[str, Path(description="The token's subject, or `me`.", examples=["me"])],
) -> UserContext:
    """Return the caller's context, if the path names the caller. Raises Forbidden before any SQL."""
    if user_id not in {context.user_id, "me"}:
        raise Forbidden("The path names another user than the token.")
    return context


async def preconditions(
    if_match: Annotated[
        str | None,
        Header(
            description='Act only if the row still has this ETag: `"7"`.',
            examples=['"7"'],
            json_schema_extra={"pattern": _IF_MATCH.pattern},
        ),
    ] = None,
) -> Revisions:
    """Return the revisions that If-Match (RFC 9110, 13.1.1) allows; None where any will do."""
    if if_match is None:
        return None
    if not _IF_MATCH.fullmatch(if_match):
        raise InvalidInput.at("/if-match", 'If-Match takes ETags as they were sent, such as "7", or *.')
    if "*" in if_match.split('"')[0]:
        return None
    return frozenset(int(revision) for weak, revision in _ENTITY_TAG.findall(if_match) if not weak)


def _service(make: Callable[[UserContext], Service]) -> Callable[[UserContext], Awaitable[Service]]:
    async def provide(context: Annotated[UserContext, Depends(owner)]) -> Service:
        return make(context)

    return provide


async def _account(request: Request, context: Annotated[UserContext, Depends(caller)]) -> AccountService:
    return AccountService(context, house_of(request).passwords, visitor_of(request))


async def _sessions(context: Annotated[UserContext, Depends(caller)]) -> SessionService:
    return SessionService(context)


async def _api_tokens(context: Annotated[UserContext, Depends(caller)]) -> ApiTokenService:
    return ApiTokenService(context)


async def _task_comments(context: Annotated[UserContext, Depends(owner)], id: Id) -> TaskCommentService:
    return TaskCommentService(context, id)


TheHouse = Annotated[House, Depends(house_of)]
TheVisitor = Annotated[Visitor, Depends(visitor_of)]
Sessions = Annotated[SessionService, Depends(_sessions)]
ApiTokens = Annotated[ApiTokenService, Depends(_api_tokens)]
Account = Annotated[AccountService, Depends(_account)]
Tasks = Annotated[TaskService, Depends(_service(TaskService))]
Lists = Annotated[ListService, Depends(_service(ListService))]
Tags = Annotated[TagService, Depends(_service(TagService))]
Comments = Annotated[CommentService, Depends(_service(CommentService))]
TaskComments = Annotated[TaskCommentService, Depends(_task_comments)]
IfMatch = Annotated[Revisions, Depends(preconditions)]
