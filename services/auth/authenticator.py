"""The gate: a bearer token → the context of its user. All kinds of tokens come through here, and all doors ask here."""

from threading import Lock

from anyio import to_thread
from cachetools import TTLCache
from sqlmodel import col

from models.credentials import ApiToken
from models.database import Database, TransactionPreamble
from models.scopes import Scope
from services.auth.access_tokens import AccessTokens
from services.auth.claims import Identity
from services.auth.opaque_tokens import API_TOKEN_PREFIX, hash_secret
from services.authorization import INVALID_API_TOKEN, Authorization
from services.database_errors import translate_database_errors
from services.errors import Unauthenticated
from services.rate_limiting.client import Client
from services.user_context import UserContext

NO_TOKEN = "Send an access token: Authorization: Bearer …"  # noqa: S105
MAX_CACHED_TOKENS = 10_000  # API tokens
CACHE_TTL_SECONDS = 60.0  # seconds; `last_used_at` is as exact as that

_LOOKUP_SQL = "SELECT user_id, id, scopes FROM api_token WHERE token_hash = %s AND expires_at > now()"


class Authenticator:
    """Tells whose a token is. Whether it still opens anything, the opening message of each transaction asks anew."""

    def __init__(self, database: Database, tokens: AccessTokens) -> None:
        self._database = database
        self._tokens = tokens
        self._api_tokens: TTLCache[str, Identity] = TTLCache(MAX_CACHED_TOKENS, CACHE_TTL_SECONDS)
        self._lock = Lock()

    async def authenticate(self, token: str | None, client: Client) -> UserContext:
        """Return the context of the token's user, and count the request: to the user, or else to the client's address.

        Raises Unauthenticated, RateLimited, Unavailable.
        """
        try:
            known = await self._resolve_identity(token, client)
        except Unauthenticated:
            await client.limiter.run_without_blocking(client.anonymous_quota.reserve)
            raise
        quota = client.user_quota(known.user_id)
        await client.limiter.run_without_blocking(quota.reserve)
        return UserContext(known.user_id, self._database, known.external_profile, known.authorization, quota)

    async def _resolve_identity(self, token: str | None, client: Client) -> Identity:
        if not token:
            raise Unauthenticated(NO_TOKEN)
        if token.startswith(API_TOKEN_PREFIX):
            return self._cached(token) or await self._lookup_limited(token, client)
        return await self._tokens.authenticate(token)

    def _cached(self, token: str) -> Identity | None:
        with self._lock:
            return self._api_tokens.get(hash_secret(token))

    async def _lookup_limited(self, token: str, client: Client) -> Identity:
        """Whoever has tried too many bad tokens does not get the database to look for another."""
        await client.limiter.run_without_blocking(client.anonymous_quota.check)
        return await to_thread.run_sync(self._lookup, token)

    def _lookup(self, token: str) -> Identity:
        """Ask the database whose API token it is, and note there that it was used."""
        token_hash = hash_secret(token)
        opening = TransactionPreamble({"app.secret_hash": token_hash}, _LOOKUP_SQL, (token_hash,))
        with translate_database_errors(), self._database.read(opening) as (_, found):
            pass
        if found is None:
            raise Unauthenticated(INVALID_API_TOKEN)
        user_id, token_id, scopes = found
        known = Identity(user_id, authorization=Authorization.for_api_token(token_id, scopes))
        self._record_usage(known)
        with self._lock:
            self._api_tokens[token_hash] = known
        return known

    def _record_usage(self, known: Identity) -> None:
        noting = UserContext(known.user_id, self._database, authorization=Authorization(frozenset({Scope.ACCOUNT})))
        with noting.write_transaction(Scope.ACCOUNT) as transaction:
            its_row = transaction.owned(ApiToken).where(col(ApiToken.id) == known.authorization.credential_id)
            if (token := transaction.session.scalars(its_row).one_or_none()) is not None:
                token.last_used_at = transaction.now
