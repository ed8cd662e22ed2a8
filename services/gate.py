"""The gate: a bearer token → the context of its user. All kinds of tokens come through here, and all doors ask here."""

from threading import Lock

from anyio import to_thread
from cachetools import TTLCache
from sqlmodel import col

from models.database import Database, Opening
from models.lease import ApiToken
from models.scopes import Scope
from services.availability import translate_database_errors
from services.context import UserContext
from services.errors import Unauthenticated
from services.grants import NO_API_TOKEN, Grant
from services.identity import Identity
from services.opaque import API_TOKEN, hashed
from services.rate_limiting.client import Client
from services.tokens import Tokens

NO_TOKEN = "Send an access token: Authorization: Bearer …"  # noqa: S105
REMEMBERED = 10_000  # API tokens
RECALLED_FOR = 60.0  # seconds; `last_used_at` is as exact as that

_PRESENTED = "SELECT user_id, id, scopes FROM api_token WHERE token_hash = %s AND expires_at > now()"


class Gate:
    """Tells whose a token is. Whether it still opens anything, the opening message of each transaction asks anew."""

    def __init__(self, database: Database, tokens: Tokens) -> None:
        self._database = database
        self._tokens = tokens
        self._api_tokens: TTLCache[str, Identity] = TTLCache(REMEMBERED, RECALLED_FOR)
        self._lock = Lock()

    async def identify(self, token: str | None, client: Client) -> UserContext:
        """Return the context of the token's user, and count the request: to the user, or else to the client's address.

        Raises Unauthenticated, RateLimited, Unavailable.
        """
        try:
            known = await self._identity(token, client)
        except Unauthenticated:
            await client.limiter.run_without_blocking(client.anonymous_quota.reserve)
            raise
        quota = client.user_quota(known.user_id)
        await client.limiter.run_without_blocking(quota.reserve)
        return UserContext(known.user_id, self._database, known.newcomer, known.grant, quota)

    async def _identity(self, token: str | None, client: Client) -> Identity:
        if not token:
            raise Unauthenticated(NO_TOKEN)
        if token.startswith(API_TOKEN):
            return self._recalled(token) or await self._asked_for(token, client)
        return await self._tokens.read(token)

    def _recalled(self, token: str) -> Identity | None:
        with self._lock:
            return self._api_tokens.get(hashed(token))

    async def _asked_for(self, token: str, client: Client) -> Identity:
        """Whoever has tried too many bad tokens does not get the database to look for another."""
        await client.limiter.run_without_blocking(client.anonymous_quota.check)
        return await to_thread.run_sync(self._looked_up, token)

    def _looked_up(self, token: str) -> Identity:
        """Ask the database whose API token it is, and note there that it was used."""
        token_hash = hashed(token)
        opening = Opening({"app.secret_hash": token_hash}, _PRESENTED, (token_hash,))
        with translate_database_errors(), self._database.reading(opening) as (_, found):
            pass
        if found is None:
            raise Unauthenticated(NO_API_TOKEN)
        user_id, token_id, scopes = found
        known = Identity(user_id, grant=Grant.of_api_token(token_id, scopes))
        self._note_use(known)
        with self._lock:
            self._api_tokens[token_hash] = known
        return known

    def _note_use(self, known: Identity) -> None:
        noting = UserContext(known.user_id, self._database, authorization=Grant(frozenset({Scope.ACCOUNT})))
        with noting.write_transaction(Scope.ACCOUNT) as transaction:
            its_row = transaction.owned(ApiToken).where(col(ApiToken.id) == known.grant.lease_id)
            if (token := transaction.session.scalars(its_row).one_or_none()) is not None:
                token.last_used_at = transaction.now
