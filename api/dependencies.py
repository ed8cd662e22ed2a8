"""Dependencies of the REST endpoints: the service for the authenticated user.

Each endpoint has one service dependency without sub-dependencies, because FastAPI resolves every dependency again for each
request. The middleware has already authenticated the request (api/middleware/authentication.py); the dependency rejects it if it
has no user, or if its path names another user.
"""

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Path, Request
from fastapi.openapi.models import OAuth2, OAuthFlowPassword, OAuthFlows
from fastapi.security.base import SecurityBase

from api.authentication import get_client, get_container, get_current_user
from services.accounts.service import AccountService
from services.auth.api_tokens import ApiTokenService
from services.auth.sessions import SessionService
from services.comments import CommentService
from services.errors import Forbidden
from services.lists import ListService
from services.tags import TagService
from services.tasks import TaskService
from services.user_context import UserContext

_LOGIN = OAuthFlowPassword(tokenUrl="/api/auth/login", scopes={})

Service = TypeVar("Service")


class _BearerToken(SecurityBase):
    """Security scheme of a dependency in the OpenAPI document. FastAPI reads it from the dependency's class."""

    model = OAuth2(flows=OAuthFlows(password=_LOGIN), description="Access token, sent as `Authorization: Bearer …`.")
    scheme_name = "OAuth2PasswordBearer"


class _CurrentUserService(_BearerToken, Generic[Service]):
    """Dependency on a service for the authenticated user."""

    def __init__(self, create: Callable[[Request], Service]) -> None:
        self._create = create

    async def __call__(self, request: Request) -> Service:
        """Create the service. Raises Unauthenticated or Unavailable."""
        return self._create(request)


class _PathUserService(_BearerToken, Generic[Service]):
    """Dependency on a service for the authenticated user, if the path names the same user."""

    def __init__(self, create: Callable[[UserContext], Service]) -> None:
        self._create = create

    async def __call__(
        self,
        request: Request,
        user_id: Annotated[str, Path(description="Subject of the access token, or `me`.", examples=["me"])],
    ) -> Service:
        """Create the service. Raises Unauthenticated, Unavailable or Forbidden before any SQL."""
        context = get_current_user(request)
        if user_id not in {context.user_id, "me"}:
            raise Forbidden("The user id in the path does not match the token.")
        return self._create(context)


def _account_service(request: Request) -> AccountService:
    container = get_container(request)
    return AccountService(get_current_user(request), container.password_hasher, get_client(request), container.deletion_worker)


def _session_service(request: Request) -> SessionService:
    return SessionService(get_current_user(request))


def _api_token_service(request: Request) -> ApiTokenService:
    return ApiTokenService(get_current_user(request))


SECURITY: list[dict[str, list[str]]] = [{_BearerToken.scheme_name: []}]

TaskServiceDep = Annotated[TaskService, Depends(_PathUserService(TaskService))]
ListServiceDep = Annotated[ListService, Depends(_PathUserService(ListService))]
TagServiceDep = Annotated[TagService, Depends(_PathUserService(TagService))]
CommentServiceDep = Annotated[CommentService, Depends(_PathUserService(CommentService))]
PathUserDep = Annotated[UserContext, Depends(_PathUserService(lambda context: context))]
AccountServiceDep = Annotated[AccountService, Depends(_CurrentUserService(_account_service))]
SessionServiceDep = Annotated[SessionService, Depends(_CurrentUserService(_session_service))]
ApiTokenServiceDep = Annotated[ApiTokenService, Depends(_CurrentUserService(_api_token_service))]
