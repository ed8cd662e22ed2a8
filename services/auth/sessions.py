"""Login sessions, and the rotation of their refresh tokens (RFC 9700, 4.14.2): reuse of an old token revokes its session."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col

from models.base import new_id
from models.credentials import LoginSession
from models.database import Database, TransactionPreamble
from models.scopes import Scope
from models.sql.statement import Statement
from services.auth.opaque_tokens import RefreshToken, hash_secret, hashes_equal, new_salt
from services.authorization import Authorization
from services.database_errors import translate_database_errors
from services.errors import Forbidden, NotFound, Unauthenticated
from services.json_types import JsonObject
from services.preconditions import NO_PRECONDITIONS, Preconditions
from services.unit_of_work import ReadTransaction, WriteTransaction
from services.user_context import UserContext

MAX_SESSIONS = 100
REFRESH_RETRY_WINDOW = timedelta(seconds=10)

_LOOKUP = Statement.parse("SELECT user_id, id FROM login_session WHERE handle_hash = %(handle_hash)s AND expires_at > now()")


@dataclass(frozen=True, slots=True)
class SessionWithToken:
    """Session id, and the refresh token to use next."""

    id: str
    refresh_token: str


def create_session(transaction: WriteTransaction, device: str | None, lifetime: timedelta) -> SessionWithToken:
    """Create a session. If the user has too many, revoke the least recently used ones."""
    token = RefreshToken.new()
    session = LoginSession(
        user_id=transaction.user_id,
        id=new_id(),
        created_at=transaction.now,
        last_used_at=transaction.now,
        expires_at=transaction.now + lifetime,
        device=device,
        handle_hash=hash_secret(token.handle),
        current_hash=hash_secret(token.secret),
    )
    _evict_oldest_sessions(transaction)
    transaction.session.add(session)
    return SessionWithToken(session.id, str(token))


def revoke_other_sessions(transaction: WriteTransaction) -> list[str]:
    """Revoke all sessions except the current one; return their ids."""
    others = [
        session.id
        for session in transaction.active_credentials(LoginSession)
        if session.id != transaction.authorization.session_id
    ]
    transaction.delete_where(LoginSession, _id_in(others))
    return others


def list_sessions(transaction: ReadTransaction) -> list[JsonObject]:
    """Return the active sessions as JSON objects."""
    return [_serialize(session, transaction.authorization) for session in transaction.active_credentials(LoginSession)]


class RefreshTokenRotation:
    """Exchange of refresh tokens. The token determines the session and its user, so no context is needed."""

    def __init__(self, database: Database, lifetime: timedelta) -> None:
        self._database = database
        self._lifetime = lifetime

    def find_context(self, token: RefreshToken) -> UserContext | None:
        """Return the context of the token's session, for a token of any generation; None if there is no active session."""
        handle_hash = hash_secret(token.handle)
        preamble = TransactionPreamble({"app.secret_hash": handle_hash}, [_LOOKUP], {"handle_hash": handle_hash})
        with translate_database_errors(), self._database.read(preamble) as (_, session):
            pass
        return UserContext(session[0], self._database, authorization=Authorization.for_session(session[1])) if session else None

    def rotate(self, transaction: WriteTransaction, token: RefreshToken) -> SessionWithToken | None:
        """Return the session with its next refresh token.

        The previous token, sent again within REFRESH_RETRY_WINDOW, gets the same next token: the first response may have been
        lost. Any other token of an earlier generation indicates theft: the session is revoked, and None is returned.
        """
        statement = transaction.owned(LoginSession).where(col(LoginSession.id) == transaction.authorization.session_id)
        session = transaction.session.scalars(statement).one_or_none()
        if session is None:  # it was revoked while this transaction waited for the lock
            return None
        presented = hash_secret(token.secret)
        if hashes_equal(presented, session.current_hash):
            successor = self._issue_next(session, token, transaction.now)
        elif hashes_equal(presented, session.previous_hash) and _within_retry_window(session, transaction.now):
            successor = token.next_generation(session.salt or "")
        else:
            transaction.session.delete(session)
            return None
        return SessionWithToken(session.id, str(successor))

    def _issue_next(self, session: LoginSession, token: RefreshToken, now: datetime) -> RefreshToken:
        salt = new_salt()
        successor = token.next_generation(salt)
        session.previous_hash, session.current_hash = session.current_hash, hash_secret(successor.secret)
        session.salt, session.rotated_at, session.last_used_at = salt, now, now
        session.expires_at = now + self._lifetime
        return successor


class SessionService:
    """Login sessions of the authenticated user."""

    def __init__(self, context: UserContext) -> None:
        self._context = context

    def list_all(self) -> list[JsonObject]:
        """Return the active sessions, last used first."""
        with self._context.read_transaction() as transaction:
            return list_sessions(transaction)

    def revoke(self, session_id: str, preconditions: Preconditions = NO_PRECONDITIONS) -> None:
        """Revoke a session; its tokens are rejected immediately. Raises NotFound, PreconditionFailed."""
        with self._context.write_transaction(Scope.ACCOUNT) as transaction:
            session = next((session for session in list_sessions(transaction) if session["id"] == session_id), None)
            if session is None:
                raise NotFound.for_resource("session")
            preconditions.check_write(session)
            transaction.delete_where(LoginSession, col(LoginSession.id) == session_id)

    def revoke_current(self) -> str:
        """Revoke the session of the current token; return its id. Raises Forbidden if the token belongs to no session."""
        with self._context.write_transaction(Scope.ACCOUNT) as transaction:
            if (session_id := transaction.authorization.session_id) is None:
                raise Forbidden("This token is not bound to a session. Delete the API token, or log out at the issuer.")
            transaction.delete_where(LoginSession, col(LoginSession.id) == session_id)
            return session_id

    def revoke_others(self, preconditions: Preconditions = NO_PRECONDITIONS) -> list[str]:
        """Revoke all sessions except the current one; return their ids. Raises PreconditionFailed."""
        with self._context.write_transaction(Scope.ACCOUNT) as transaction:
            preconditions.check_write(list_sessions(transaction))
            return revoke_other_sessions(transaction)


def invalid_refresh_token() -> Unauthenticated:
    """Return the error for a refresh token that is malformed, reused, expired or revoked."""
    return Unauthenticated("The refresh token is invalid or expired; log in again.")


def _within_retry_window(session: LoginSession, now: datetime) -> bool:
    return session.rotated_at is not None and now - session.rotated_at <= REFRESH_RETRY_WINDOW


def _evict_oldest_sessions(transaction: WriteTransaction) -> None:
    active = transaction.active_credentials(LoginSession)
    transaction.delete_where(LoginSession, col(LoginSession.expires_at) <= transaction.now)
    transaction.delete_where(LoginSession, _id_in([session.id for session in active[MAX_SESSIONS - 1 :]]))


def _id_in(ids: list[str]) -> ColumnElement[bool]:
    return col(LoginSession.id).in_(ids)


def _serialize(session: LoginSession, authorization: Authorization) -> JsonObject:
    return {
        "id": session.id,
        "device": session.device,
        "created_at": session.created_at,
        "last_used_at": session.last_used_at,
        "expires_at": session.expires_at,
        "current": session.id == authorization.session_id,
    }
