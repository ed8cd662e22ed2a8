"""Sessions: one per login. Refresh tokens are rotated at every use, as RFC 9700 (4.14.2) advises; an old one ends its session."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col

from models.base import new_id
from models.database import Database, Opening
from models.lease import LoginSession
from models.scopes import Scope
from services.availability import available
from services.context import UserContext
from services.errors import Forbidden, NotFound, Unauthenticated
from services.grants import Grant
from services.json_values import JsonObject
from services.opaque import RefreshToken, hashed, new_salt, same
from services.transactions import Snapshot, Transaction

MAX_SESSIONS = 100
GRACE = timedelta(seconds=10)

_PRESENTED = "SELECT user_id, id FROM login_session WHERE handle_hash = %s AND expires_at > now()"


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session, and the refresh token that its next use takes."""

    id: str
    refresh_token: str


def open_session(transaction: Transaction, device: str | None, lifetime: timedelta) -> OpenSession:
    """Begin a session. Of too many, the one that was not used for the longest time ends."""
    token = RefreshToken.new()
    session = LoginSession(
        user_id=transaction.user_id,
        id=new_id(),
        created_at=transaction.now,
        last_used_at=transaction.now,
        expires_at=transaction.now + lifetime,
        device=device,
        handle_hash=hashed(token.handle),
        current_hash=hashed(token.secret),
    )
    _make_room(transaction)
    transaction.session.add(session)
    return OpenSession(session.id, str(token))


def end_others(transaction: Transaction) -> list[str]:
    """End all sessions but the caller's own; return their ids."""
    others = [session.id for session in transaction.leases(LoginSession) if session.id != transaction.grant.session_id]
    transaction.remove(LoginSession, _is_one_of(others))
    return others


def listed(snapshot: Snapshot) -> list[JsonObject]:
    """Return the open sessions, as they are shown."""
    return [_shown(session, snapshot.grant) for session in snapshot.leases(LoginSession)]


class Rotation:
    """Exchanges refresh tokens. It has no context: whose session it is, the token says."""

    def __init__(self, database: Database, lifetime: timedelta) -> None:
        self._database = database
        self._lifetime = lifetime

    def context_of(self, token: RefreshToken) -> UserContext | None:
        """Return the context of the session to which the token belongs, whatever its generation; None if there is none."""
        handle = hashed(token.handle)
        with available(), self._database.reading(Opening({"app.secret_hash": handle}, _PRESENTED, (handle,))) as (_, session):
            pass
        return UserContext(session[0], self._database, grant=Grant.of_session(session[1])) if session else None

    def rotate(self, transaction: Transaction, token: RefreshToken) -> OpenSession | None:
        """Return the session with its next refresh token.

        The same token within ten seconds gets the same answer: the first may have been lost on its way. Any other token of an
        earlier generation is in hands that it should not be in, so the session ends, and the answer is None.
        """
        found = transaction.owned(LoginSession).where(col(LoginSession.id) == transaction.grant.session_id)
        session = transaction.session.scalars(found).one_or_none()
        if session is None:  # it ended while this transaction waited for its turn
            return None
        presented = hashed(token.secret)
        if same(presented, session.current_hash):
            successor = self._advance(session, token, transaction.now)
        elif same(presented, session.previous_hash) and _is_fresh(session, transaction.now):
            successor = token.successor(session.salt or "")
        else:
            transaction.session.delete(session)
            return None
        return OpenSession(session.id, str(successor))

    def _advance(self, session: LoginSession, token: RefreshToken, now: datetime) -> RefreshToken:
        salt = new_salt()
        successor = token.successor(salt)
        session.previous_hash, session.current_hash = session.current_hash, hashed(successor.secret)
        session.salt, session.rotated_at, session.last_used_at = salt, now, now
        session.expires_at = now + self._lifetime
        return successor


class SessionService:
    """One's own sessions."""

    def __init__(self, context: UserContext) -> None:
        self._context = context

    def all(self) -> list[JsonObject]:
        """Return the open sessions, the one used last first."""
        with self._context.snapshot() as snapshot:
            return listed(snapshot)

    def end(self, session_id: str) -> None:
        """End a session: its tokens die at once. Raises NotFound."""
        with self._context.transaction(Scope.ACCOUNT) as transaction:
            if not transaction.remove(LoginSession, col(LoginSession.id) == session_id):
                raise NotFound.of("session")

    def end_current(self) -> str:
        """End the session of the caller's token; return its id. Raises Forbidden for a token that is of no session."""
        with self._context.transaction(Scope.ACCOUNT) as transaction:
            if (session_id := transaction.grant.session_id) is None:
                raise Forbidden("This token belongs to no session: delete an API token, or log out where the token was issued.")
            transaction.remove(LoginSession, col(LoginSession.id) == session_id)
            return session_id

    def end_others(self) -> list[str]:
        """End all sessions but the caller's own; return their ids."""
        with self._context.transaction(Scope.ACCOUNT) as transaction:
            return end_others(transaction)


def no_such_token() -> Unauthenticated:
    """Return what is said of a refresh token that opens nothing."""
    return Unauthenticated("The refresh token is not valid any more; log in again.")


def _is_fresh(session: LoginSession, now: datetime) -> bool:
    return session.rotated_at is not None and now - session.rotated_at <= GRACE


def _make_room(transaction: Transaction) -> None:
    open_ones = transaction.leases(LoginSession)
    transaction.remove(LoginSession, col(LoginSession.expires_at) <= transaction.now)
    transaction.remove(LoginSession, _is_one_of([session.id for session in open_ones[MAX_SESSIONS - 1 :]]))


def _is_one_of(ids: list[str]) -> ColumnElement[bool]:
    return col(LoginSession.id).in_(ids)


def _shown(session: LoginSession, grant: Grant) -> JsonObject:
    return {
        "id": session.id,
        "device": session.device,
        "created_at": session.created_at,
        "last_used_at": session.last_used_at,
        "expires_at": session.expires_at,
        "current": session.id == grant.session_id,
    }
