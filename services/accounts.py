"""Accounts: registering, logging in, and looking after one's own account."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from models.base import new_id
from models.database import Database, Opening
from models.statements import fetch
from models.user import AccountChange, Credentials, DeletedUser, Registration, User, UserRevision
from services.availability import available
from services.context import UserContext
from services.errors import EmailTaken, InvalidInput, Unauthenticated
from services.passwords import Passwords
from services.reading.graph import ACCOUNT
from services.reading.selection import View
from services.tokens import Tokens

_STORED_HASH = 'SELECT password_hash FROM "user" WHERE id = %s'
_BY_EMAIL = 'SELECT id, password_hash, is_active FROM "user" WHERE email = %s'


@dataclass(frozen=True, slots=True)
class Admission:
    """What a successful login or registration gives. `expires_in` is in seconds."""

    user: Any
    access_token: str
    expires_in: int


class Reception:
    """For those who have no context yet. What it gives out is a token; what it reads is one account, by its e-mail."""

    def __init__(self, database: Database, passwords: Passwords, tokens: Tokens) -> None:
        self._database = database
        self._passwords = passwords
        self._tokens = tokens

    def register(self, registration: Registration, view: View) -> Admission:
        """Make a local account. Raises EmailTaken."""
        user_id = new_id()
        opening = Opening({"app.user_id": user_id}, "SELECT 1", ())
        hashed = self._passwords.hash(registration.password)
        try:
            with available(), self._database.writing(opening) as (connection, _):
                account = {"id": user_id, "email": registration.email, "name": registration.name, "is_active": True}
                stamps = {"password_hash": hashed, "created_at": func.now(), "updated_at": func.now()}
                connection.execute(insert(User).values(**account, **stamps))
                connection.execute(insert(UserRevision).values(user_id=user_id, revision=0, purged_revision=0))
        except IntegrityError as error:
            raise EmailTaken("An account with this e-mail exists already.") from error
        return self._admit(UserContext(user_id, self._database), view)

    def log_in(self, credentials: Credentials, view: View) -> Admission:
        """Raise Unauthenticated, after the same work, for an unknown e-mail, a wrong password and an inactive account."""
        opening = Opening({"app.login_email": credentials.email}, _BY_EMAIL, (credentials.email,))
        with available(), self._database.reading(opening) as (_, account):
            pass
        user_id, password_hash, is_active = account or (None, None, False)
        right, newer_hash = self._passwords.check(credentials.password, password_hash)
        if user_id is None or not right or not is_active:
            raise Unauthenticated("E-mail or password is wrong.")
        context = UserContext(user_id, self._database)
        if newer_hash is not None:
            AccountService(context, self._passwords).store_hash(newer_hash)
        return self._admit(context, view)

    def _admit(self, context: UserContext, view: View) -> Admission:
        with context.snapshot() as snapshot:
            user = snapshot.read(view.of(ACCOUNT.name, context.user_id))
        lifetime = int(self._tokens.lifetime.total_seconds())
        return Admission(user, self._tokens.issue(context.user_id), lifetime)


class AccountService:
    """One's own account."""

    def __init__(self, context: UserContext, passwords: Passwords) -> None:
        self._context = context
        self._passwords = passwords

    def show(self, view: View) -> Any:
        """Return the account."""
        with self._context.snapshot() as snapshot:
            return snapshot.read(view.of(ACCOUNT.name, snapshot.user_id))

    def change(self, change: AccountChange, view: View) -> Any:
        """Change the members present. Raises EmailTaken; InvalidInput where the current password is missing or wrong."""
        values = change.present()
        current = values.pop("current_password", None)
        if values.keys() & {"email", "password"}:
            self._check_current_password(current)
        if "password" in values:
            values["password_hash"] = self._passwords.hash(values.pop("password"))
        try:
            with self._context.transaction() as transaction:
                account = transaction.session.get_one(User, transaction.user_id)
                if any(getattr(account, name) != value for name, value in values.items()):
                    account.sqlmodel_update({**values, "updated_at": transaction.now})
                    transaction.stamp()
                    transaction.session.flush()
                return transaction.read(view.of(ACCOUNT.name, transaction.user_id))
        except IntegrityError as error:
            raise EmailTaken("An account with this e-mail exists already.") from error

    def delete(self) -> None:
        """Remove the account and all that belongs to it. Its tokens die at once."""
        with self._context.transaction() as transaction:
            connection, user_id = transaction.connection, transaction.user_id
            gone = upsert(DeletedUser).values(user_id=user_id, deleted_at=transaction.now)
            connection.execute(gone.on_conflict_do_update(index_elements=["user_id"], set_={"deleted_at": transaction.now}))
            connection.execute(delete(User).where(col(User.id) == user_id))

    def store_hash(self, password_hash: str) -> None:
        """Keep a hash made with newer parameters."""
        with self._context.transaction() as transaction:
            transaction.connection.execute(
                update(User).where(col(User.id) == transaction.user_id).values(password_hash=password_hash)
            )

    def _check_current_password(self, current: str | None) -> None:
        with self._context.snapshot() as snapshot:
            ((stored,),) = fetch(snapshot.wire, _STORED_HASH, (snapshot.user_id,))
        if stored is None:
            raise InvalidInput.at("/password", "This account logs in elsewhere; change its e-mail and password there.")
        if not self._passwords.check(current or "", stored)[0]:
            raise InvalidInput.at("/current_password", "To change the e-mail or the password, send the current password too.")
