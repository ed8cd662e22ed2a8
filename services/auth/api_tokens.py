"""API tokens: what a program logs in with. Named, good for certain scopes and a certain time, shown once."""

from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import col

from models.base import new_id
from models.credentials import ApiToken, ApiTokenCreate
from models.scopes import Scope
from services.auth.opaque_tokens import hash_secret, new_api_token
from services.errors import Conflict, Forbidden, NotFound
from services.json_types import JsonObject
from services.unit_of_work import ReadTransaction
from services.user_context import UserContext

MAX_API_TOKENS = 100


@dataclass(frozen=True, slots=True)
class CreatedApiToken:
    """A new API token as it is shown, and its secret, which nobody will see again."""

    data: JsonObject
    secret: str


def list_api_tokens(snapshot: ReadTransaction) -> list[JsonObject]:
    """Return the API tokens, as they are shown."""
    return [_serialize(token) for token in snapshot.active_credentials(ApiToken)]


class ApiTokenService:
    """One's own API tokens."""

    def __init__(self, context: UserContext) -> None:
        self._context = context

    def list_all(self) -> list[JsonObject]:
        """Return the API tokens, the one used last first."""
        with self._context.read_transaction() as snapshot:
            return list_api_tokens(snapshot)

    def create(self, new: ApiTokenCreate) -> CreatedApiToken:
        """Make an API token. Raises Forbidden for callers who come with one themselves, Conflict where there are too many."""
        secret = new_api_token()
        with self._context.write_transaction(Scope.ACCOUNT) as transaction:
            if transaction.authorization.credential_type is ApiToken:
                raise Forbidden("An API token cannot make another; log in to do that.")
            transaction.delete_where(ApiToken, col(ApiToken.expires_at) <= transaction.now)
            if len(transaction.active_credentials(ApiToken)) >= MAX_API_TOKENS:
                raise Conflict(f"There are {MAX_API_TOKENS} API tokens already; delete one that is not needed any more.")
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

    def delete(self, token_id: str) -> None:
        """Delete an API token: it dies at once. Raises NotFound."""
        with self._context.write_transaction(Scope.ACCOUNT) as transaction:
            if not transaction.delete_where(ApiToken, col(ApiToken.id) == token_id):
                raise NotFound.for_resource("API token")


def _serialize(token: ApiToken) -> JsonObject:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes,
        "created_at": token.created_at,
        "last_used_at": token.last_used_at,
        "expires_at": token.expires_at,
    }
