"""Endpoints of API tokens: /api/auth/tokens."""

from typing import Annotated

from fastapi import Body
from starlette.responses import Response

from api import responses
from api.dependencies import ApiTokenServiceDep
from api.openapi import schemas
from api.openapi.responses import NOT_MODIFIED, READ_HEADERS, Responses, errors, no_content
from api.preconditions import PreconditionsDep
from api.routing import create_router
from models.credentials import ApiTokenCreate
from models.schemas.field_types import Id

router = create_router("/api/auth/tokens", "API tokens")
LIST_RESPONSES: Responses = {
    200: {
        "model": list[schemas.ApiToken],
        "description": "API tokens that have not expired, most recently used first.",
        "headers": READ_HEADERS,
    }
}
CREATE_RESPONSES: Responses = {
    201: {"model": schemas.CreatedApiToken, "description": "The new API token. Its secret is returned only in this response."}
}

ApiTokenCreateBody = Annotated[
    ApiTokenCreate,
    Body(openapi_examples={"nightly": {"value": {"name": "Nightly report", "scopes": ["tasks:read"], "expires_in_days": 30}}}),
]


@router.get("", operation_id="listApiTokens", responses=LIST_RESPONSES | NOT_MODIFIED | errors(401, 403, 412))
def list_api_tokens(tokens: ApiTokenServiceDep, preconditions: PreconditionsDep) -> Response:
    """List the API tokens of the account."""
    return responses.hashed_response(tokens.list_all(), preconditions)


@router.post(
    "", operation_id="createApiToken", status_code=201, responses=CREATE_RESPONSES | errors(401, 403, 409, 412, 413, 415)
)
def create_api_token(tokens: ApiTokenServiceDep, body: ApiTokenCreateBody, preconditions: PreconditionsDep) -> Response:
    """Create an API token.

    Its scopes are `tasks:read`, `tasks:write` (which includes `tasks:read`) and `account`.
    """
    created = tokens.create(body, preconditions)
    return responses.json_response({**created.data, "token": created.secret}, 201, {"Cache-Control": "no-store"})


@router.delete("/{id}", operation_id="deleteApiToken", status_code=204, responses=no_content() | errors(401, 403, 404, 412))
def delete_api_token(tokens: ApiTokenServiceDep, id: Id, preconditions: PreconditionsDep) -> Response:
    """Delete an API token. It is revoked immediately."""
    tokens.delete(id, preconditions)
    return responses.no_content()
