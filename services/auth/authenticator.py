"""Authenticator: the user context of a bearer token, for all kinds of tokens and both APIs."""

from asyncio import to_thread
from threading import Lock

from cachetools import TTLCache

from models.database import Database, TransactionPreamble
from models.sql.statement import Statement
from services.auth.access_tokens import AccessTokens
from services.auth.claims import Identity
from services.auth.jwks.cache import KeyLookupDelayedError
from services.auth.last_use import LastUse
from services.auth.opaque_tokens import API_TOKEN_PREFIX, hash_secret
from services.authorization import INVALID_API_TOKEN, Authorization
from services.database_errors import translate_database_errors
from services.errors import Unauthenticated
from services.rate_limiting.client import Client
from services.user_context import UserContext

NO_TOKEN = "Send an access token: Authorization: Bearer …"  # noqa: S105
MAX_CACHED_TOKENS = 10_000  # API tokens
CACHE_TTL_SECONDS = 60.0

_LOOKUP = Statement.parse("SELECT user_id, id, scopes FROM api_token WHERE token_hash = %(token_hash)s AND expires_at > now()")


class Authenticator:
    """Maps a token to its user. The preamble of each transaction checks again that the credential is not revoked or expired."""

    def __init__(self, database: Database, tokens: AccessTokens, last_use: LastUse) -> None:
        self._database = database
        self._last_use = last_use
        self._tokens = tokens
        self._api_tokens: TTLCache[str, Identity] = TTLCache(MAX_CACHED_TOKENS, CACHE_TTL_SECONDS)
        self._lock = Lock()

    async def authenticate(self, token: str | None, client: Client) -> UserContext:
        """Return the context of the token's user. Reserve quota of the user, or of the client's address if the token is invalid.

        Raises Unauthenticated, RateLimited, Unavailable.
        """
        try:
            identity = await self._resolve_identity(token, client)
        except (Unauthenticated, KeyLookupDelayedError):
            await client.limiter.run_without_blocking(client.anonymous_quota.reserve)
            raise
        quota = client.user_quota(identity.user_id)
        await client.limiter.run_without_blocking(quota.reserve)
        self._last_use.record(identity)
        return UserContext(identity.user_id, self._database, identity.external_profile, identity.authorization, quota)

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
        """Look the token up in the database, unless the client's address has sent too many invalid tokens."""
        await client.limiter.run_without_blocking(client.anonymous_quota.check)
        return await to_thread(self._lookup, token)

    def _lookup(self, token: str) -> Identity:
        """Return the identity of an API token from the database."""
        token_hash = hash_secret(token)
        preamble = TransactionPreamble({"app.secret_hash": token_hash}, [_LOOKUP], {"token_hash": token_hash})
        with translate_database_errors(), self._database.read(preamble) as (_, row):
            pass
        if row is None:
            raise Unauthenticated(INVALID_API_TOKEN)
        user_id, token_id, scopes = row
        identity = Identity(user_id, authorization=Authorization.for_api_token(token_id, scopes))
        with self._lock:
            self._api_tokens[token_hash] = identity
        return identity
