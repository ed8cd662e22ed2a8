"""Auth service for unauthenticated clients: registration, login, token refresh and logout."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from sqlalchemy import func, insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import col

from models.base import new_id
from models.columns import with_computed_columns
from models.credentials import RefreshRequest
from models.database import Database, TransactionPreamble
from models.scopes import Scope
from models.sql.statement import Statement
from models.text.folding import identity_key
from models.user import Credentials, Registration, User, UserRevision
from services.auth.access_tokens import AccessTokens
from services.auth.opaque_tokens import RefreshToken
from services.auth.password_hashing import PasswordHasher
from services.auth.password_verification import PasswordVerification
from services.auth.sessions import RefreshTokenRotation, SessionService, SessionWithToken, create_session, invalid_refresh_token
from services.database_errors import translate_database_errors
from services.errors import EmailTaken, Unauthenticated
from services.external_users import LOCK_EMAIL
from services.query_engine.query_model import RowSelection
from services.rate_limiting.client import Client
from services.user_context import UserContext

Result = TypeVar("Result")

# An account with exactly this e-mail comes first: the key of its e-mail may belong to an older account.
_ACCOUNT_BY_EMAIL = Statement.parse(
    'SELECT id, password_hash, is_active FROM "user" WHERE email = %(email)s OR email_key = %(email_key)s '
    "ORDER BY email = %(email)s DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class AuthTokens(Generic[Result]):
    """Tokens that registration, login and refresh return. `expires_in` is the lifetime of the access token in seconds."""

    user: Result
    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class FollowUp(Generic[Result]):
    """Remaining work once a lookup has found the user. It has transactions of this user, so it needs a slot of the user."""

    user_id: str
    run: Callable[[], Result]


class AuthService:
    """Registration, login, refresh and logout with e-mail and password."""

    def __init__(self, database: Database, passwords: PasswordHasher, tokens: AccessTokens, session_lifetime: timedelta) -> None:
        self._database = database
        self._passwords = passwords
        self._tokens = tokens
        self._session_lifetime = session_lifetime
        self._rotation = RefreshTokenRotation(database, session_lifetime)

    def register(
        self, registration: Registration, selection: RowSelection[Result | None], client: Client
    ) -> FollowUp[AuthTokens[Result]]:
        """Create a local account, and a session for it.

        Raises EmailTaken, RateLimited, Unavailable if too many passwords are waiting to be hashed.
        """
        client.auth_attempts.consume()
        key = identity_key(registration.email)
        client.account_attempts("register", key).consume()
        user_id = new_id()
        preamble = TransactionPreamble({"app.user_id": user_id}, [LOCK_EMAIL], {"email_key": key})
        password_hash = self._passwords.hash(registration.password)
        with translate_database_errors(), self._database.write(preamble) as (connection, _):
            account = {"id": user_id, "email": registration.email, "name": registration.name, "is_active": True}
            generated = {"password_hash": password_hash, "created_at": func.now(), "updated_at": func.now()}
            statement = (
                upsert(User)
                .values(**with_computed_columns(User, account), **generated)
                .on_conflict_do_nothing()
                .returning(col(User.id))
            )
            if connection.scalar(statement) is None:
                raise EmailTaken("An account with this e-mail already exists.")
            connection.execute(insert(UserRevision).values(user_id=user_id, revision=0, purged_revision=0))
        return FollowUp(user_id, lambda: self._start_session(UserContext(user_id, self._database), selection, client))

    def log_in(
        self, credentials: Credentials, selection: RowSelection[Result | None], client: Client
    ) -> FollowUp[AuthTokens[Result]]:
        """Create a session.

        Raises Unauthenticated, after the same amount of work, for an unknown e-mail, a wrong password and an inactive account;
        RateLimited after too many attempts; Unavailable if too many passwords are waiting to be verified.
        """
        client.auth_attempts.consume()
        email, key = credentials.email, identity_key(credentials.email)
        attempts = client.account_attempts("log in", key)
        attempts.consume()
        settings = {"app.login_email": email, "app.login_email_key": key}
        preamble = TransactionPreamble(settings, [_ACCOUNT_BY_EMAIL], {"email": email, "email_key": key})
        with translate_database_errors(), self._database.read(preamble) as (_, account):
            pass
        user_id, password_hash, is_active = account or (None, None, False)
        verification = PasswordVerification.verify(credentials.password, password_hash, self._passwords)
        if user_id is None or verification is None or not is_active:
            raise _invalid_credentials()
        attempts.reset()
        context = UserContext(user_id, self._database)
        return FollowUp(user_id, lambda: self._start_session(context, selection, client, verification))

    def refresh(
        self, refresh: RefreshRequest, selection: RowSelection[Result | None], client: Client
    ) -> FollowUp[AuthTokens[Result]]:
        """Exchange a refresh token for a new access token and a new refresh token. Raises Unauthenticated, RateLimited."""
        client.auth_attempts.consume()
        token = RefreshToken.parse(refresh.refresh_token)
        context = self._rotation.find_context(token) if token else None
        if token is None or context is None:
            raise invalid_refresh_token()
        return FollowUp(context.user_id, lambda: self._rotate(context, token, selection))

    def log_out(self, refresh_token: str) -> FollowUp[str | None] | None:
        """Revoke the session of a refresh token of any generation; return its id, or None if it was not active."""
        token = RefreshToken.parse(refresh_token)
        context = self._rotation.find_context(token) if token else None
        return None if context is None else FollowUp(context.user_id, lambda: _revoke(context))

    def _rotate(self, context: UserContext, token: RefreshToken, selection: RowSelection[Result | None]) -> AuthTokens[Result]:
        with context.write_transaction(Scope.ACCOUNT) as transaction:
            session = self._rotation.rotate(transaction, token)
            user = transaction.read_account(selection)
        if session is None:
            raise invalid_refresh_token()
        return self._build_tokens(context, user, session)

    def _start_session(
        self,
        context: UserContext,
        selection: RowSelection[Result | None],
        client: Client,
        verification: PasswordVerification | None = None,
    ) -> AuthTokens[Result]:
        with context.write_transaction(Scope.ACCOUNT) as transaction:
            if verification is not None and not verification.is_still_valid(transaction, self._passwords):
                raise _invalid_credentials()
            session = create_session(transaction, client.user_agent, self._session_lifetime)
            user = transaction.read_account(selection)
        return self._build_tokens(context, user, session)

    def _build_tokens(self, context: UserContext, user: Result, session: SessionWithToken) -> AuthTokens[Result]:
        lifetime = int(self._tokens.lifetime.total_seconds())
        return AuthTokens(user, self._tokens.issue(context.user_id, session.id), session.refresh_token, lifetime)


def _revoke(context: UserContext) -> str | None:
    with suppress(Unauthenticated):  # it was revoked or expired in between
        return SessionService(context).revoke_current()
    return None


def _invalid_credentials() -> Unauthenticated:
    return Unauthenticated("Invalid e-mail or password.")
