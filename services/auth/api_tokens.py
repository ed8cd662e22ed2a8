"""API token service. A token has a name, scopes and an expiry; its secret is shown once."""

from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import col

from models.base import new_id
from models.credentials import ApiToken, ApiTokenCreate
from models.scopes import Scope
from services.auth.opaque_tokens import hash_secret, new_api_token
from services.errors import Conflict, Forbidden, NotFound
from services.json_types import JsonObject
from services.preconditions import NO_PRECONDITIONS, Preconditions
from services.unit_of_work import ReadTransaction
from services.user_context import UserContext

MAX_API_TOKENS = 100


@dataclass(frozen=True, slots=True)
class CreatedApiToken:
    """New API token as a JSON object, and its secret, which cannot be read again."""

    data: JsonObject
    secret: str


def list_api_tokens(transaction: ReadTransaction) -> list[JsonObject]:
    """Return the active API tokens as JSON objects."""
    return [_serialize(token) for token in transaction.active_credentials(ApiToken)]


class ApiTokenService:
    """API tokens of the authenticated user."""

    def __init__(self, context: UserContext) -> None:
        self._context = context

    def list_all(self) -> list[JsonObject]:
        """Return the active API tokens, last used first."""
        with self._context.read_transaction() as transaction:
            return list_api_tokens(transaction)

    def create(self, new: ApiTokenCreate, preconditions: Preconditions = NO_PRECONDITIONS) -> CreatedApiToken:
        """Create an API token.

        Raises Forbidden if the caller used an API token, PreconditionFailed, Conflict if there are too many.
        """
        secret = new_api_token()
        with self._context.write_transaction(Scope.ACCOUNT) as transaction:
            if transaction.authorization.credential_type is ApiToken:
                raise Forbidden("API tokens cannot create API tokens; use a session.")
            preconditions.check_write(None)
            transaction.delete_where(ApiToken, col(ApiToken.expires_at) <= transaction.now)
            if len(transaction.active_credentials(ApiToken)) >= MAX_API_TOKENS:
                raise Conflict(f"The limit of {MAX_API_TOKENS} API tokens is reached; delete one first.")
            token = ApiToken(
                user_id=transaction.user_id,
                id=new_id(),
                created_at=transaction.now,
                expires_at=transaction.now + timedelta(days=new.expires_in_days),
                name=new.name,
                scopes=sorted(new.scopes),
                token_hash=hash_secret(secret),
            )
            transaction.session.add(token)
            return CreatedApiToken(_serialize(token), secret)

    def delete(self, token_id: str, preconditions: Preconditions = NO_PRECONDITIONS) -> None:
        """Delete an API token; it is rejected immediately. Raises NotFound, PreconditionFailed."""
        with self._context.write_transaction(Scope.ACCOUNT) as transaction:
            token = next((token for token in list_api_tokens(transaction) if token["id"] == token_id), None)
            if token is None:
                raise NotFound.for_resource("API token")
            preconditions.check_write(token)
            transaction.delete_where(ApiToken, col(ApiToken.id) == token_id)


def _serialize(token: ApiToken) -> JsonObject:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes,
        "created_at": token.created_at,
        "last_used_at": token.last_used_at,
        "expires_at": token.expires_at,
    }
