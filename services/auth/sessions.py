"""Sessions: one per login. Refresh tokens are rotated at every use, as RFC 9700 (4.14.2) advises; an old one ends its session."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col

from models.base import new_id
from models.credentials import LoginSession
from models.database import Database, TransactionPreamble
from models.scopes import Scope
from services.auth.opaque_tokens import RefreshToken, hash_secret, hashes_equal, new_salt
from services.authorization import Authorization
from services.database_errors import translate_database_errors
from services.errors import Forbidden, NotFound, Unauthenticated
from services.json_types import JsonObject
from services.unit_of_work import ReadTransaction, WriteTransaction
from services.user_context import UserContext

MAX_SESSIONS = 100
REFRESH_RETRY_WINDOW = timedelta(seconds=10)

_LOOKUP_SQL = "SELECT user_id, id FROM login_session WHERE handle_hash = %s AND expires_at > now()"


@dataclass(frozen=True, slots=True)
class SessionWithToken:
    """A session, and the refresh token that its next use takes."""

    id: str
    refresh_token: str


def create_session(transaction: WriteTransaction, device: str | None, lifetime: timedelta) -> SessionWithToken:
    """Begin a session. Of too many, the one that was not used for the longest time ends."""
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
    """End all sessions but the caller's own; return their ids."""
    others = [
        session.id
        for session in transaction.active_credentials(LoginSession)
        if session.id != transaction.authorization.session_id
    ]
    transaction.delete_where(LoginSession, _id_in(others))
    return others


def list_sessions(snapshot: ReadTransaction) -> list[JsonObject]:
    """Return the open sessions, as they are shown."""
    return [_serialize(session, snapshot.authorization) for session in snapshot.active_credentials(LoginSession)]


class RefreshTokenRotation:
    """Exchanges refresh tokens. It has no context: whose session it is, the token says."""

    def __init__(self, database: Database, lifetime: timedelta) -> None:
        self._database = database
        self._lifetime = lifetime

    def find_context(self, token: RefreshToken) -> UserContext | None:
        """Return the context of the session to which the token belongs, whatever its generation; None if there is none."""
        handle = hash_secret(token.handle)
        with (
            translate_database_errors(),
            self._database.read(TransactionPreamble({"app.secret_hash": handle}, _LOOKUP_SQL, (handle,))) as (_, session),
        ):
            pass
        return UserContext(session[0], self._database, authorization=Authorization.for_session(session[1])) if session else None

    def rotate(self, transaction: WriteTransaction, token: RefreshToken) -> SessionWithToken | None:
        """Return the session with its next refresh token.

        The same token within ten seconds gets the same answer: the first may have been lost on its way. Any other token of an
        earlier generation is in hands that it should not be in, so the session ends, and the answer is None.
        """
        found = transaction.owned(LoginSession).where(col(LoginSession.id) == transaction.authorization.session_id)
        session = transaction.session.scalars(found).one_or_none()
        if session is None:  # it ended while this transaction waited for its turn
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
    """One's own sessions."""

    def __init__(self, context: UserContext) -> None:
        self._context = context

    def list_all(self) -> list[JsonObject]:
        """Return the open sessions, the one used last first."""
        with self._context.read_transaction() as snapshot:
            return list_sessions(snapshot)

    def revoke(self, session_id: str) -> None:
        """End a session: its tokens die at once. Raises NotFound."""
        with self._context.write_transaction(Scope.ACCOUNT) as transaction:
            if not transaction.delete_where(LoginSession, col(LoginSession.id) == session_id):
                raise NotFound.for_resource("session")

    def revoke_current(self) -> str:
        """End the session of the caller's token; return its id. Raises Forbidden for a token that is of no session."""
        with self._context.write_transaction(Scope.ACCOUNT) as transaction:
            if (session_id := transaction.authorization.session_id) is None:
                raise Forbidden("This token belongs to no session: delete an API token, or log out where the token was issued.")
            transaction.delete_where(LoginSession, col(LoginSession.id) == session_id)
            return session_id

    def revoke_others(self) -> list[str]:
        """End all sessions but the caller's own; return their ids."""
        with self._context.write_transaction(Scope.ACCOUNT) as transaction:
            return revoke_other_sessions(transaction)


def invalid_refresh_token() -> Unauthenticated:
    """Return what is said of a refresh token that opens nothing."""
    return Unauthenticated("The refresh token is not valid any more; log in again.")


def _within_retry_window(session: LoginSession, now: datetime) -> bool:
    return session.rotated_at is not None and now - session.rotated_at <= REFRESH_RETRY_WINDOW


def _evict_oldest_sessions(transaction: WriteTransaction) -> None:
    open_ones = transaction.active_credentials(LoginSession)
    transaction.delete_where(LoginSession, col(LoginSession.expires_at) <= transaction.now)
    transaction.delete_where(LoginSession, _id_in([session.id for session in open_ones[MAX_SESSIONS - 1 :]]))


def _id_in(ids: list[str]) -> ColumnElement[bool]:
    return col(LoginSession.id).in_(ids)


def _serialize(session: LoginSession, grant: Authorization) -> JsonObject:
    return {
        "id": session.id,
        "device": session.device,
        "created_at": session.created_at,
        "last_used_at": session.last_used_at,
        "expires_at": session.expires_at,
        "current": session.id == grant.session_id,
    }
