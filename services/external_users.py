"""Accounts of external users: created on first use of a token, with an e-mail that follows the tokens."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.pool import PoolProxiedConnection
from sqlmodel import col

from models.columns import with_computed_columns
from models.database import Database, TransactionPreamble
from models.sql.execution import Message, driver_connection, fetch_message
from models.sql.statement import Statement
from models.text.folding import identity_key
from models.user import AccountDeletion, DeletedUser, User, UserRevision
from services.database_errors import translate_database_errors
from services.errors import Unauthenticated, Unavailable

# Transactions that set the same e-mail wait for each other: the second one finds the first one's row instead of violating the
# unique constraint, for which PostgreSQL logs e-mail, name and password hash. Without an e-mail, nothing is locked.
LOCK_EMAIL = Statement.parse("SELECT pg_advisory_xact_lock(hashtextextended(%(email_key)s, 0))")
_SHOW_EMAIL_SQL = "SET LOCAL app.login_email = %(email)s; SET LOCAL app.login_email_key = %(email_key)s; "
_OTHER_ACCOUNT = Statement.parse(
    'SELECT true FROM "user" WHERE (email = %(email)s OR email_key = %(email_key)s) AND id <> %(user_id)s LIMIT 1'
)


@dataclass(frozen=True, slots=True)
class ExternalUserProfile:
    """Profile claims of an external token, from which the user is provisioned on first use; later ones may change the e-mail."""

    email: str | None
    name: str | None
    issued_at: datetime | None


def is_email_taken(connection: PoolProxiedConnection, user_id: str, email: str | None) -> bool:
    """Return whether another account has the e-mail. The policy for logging in shows the row of that e-mail."""
    if email is None:
        return False
    values = {"email": email, "email_key": identity_key(email), "user_id": user_id}
    return bool(fetch_message(connection, Message(_SHOW_EMAIL_SQL, [LOCK_EMAIL, _OTHER_ACCOUNT], values)))


def provision_user(database: Database, user_id: str, profile: ExternalUserProfile) -> None:
    """Create the account of an external user.

    Raises Unauthenticated if the token was issued before that account was deleted here, Unavailable while the rows of the deleted
    account exist.
    """
    email_key = None if profile.email is None else identity_key(profile.email)
    preamble = TransactionPreamble({"app.user_id": user_id}, [LOCK_EMAIL], {"email_key": email_key})
    with translate_database_errors(), database.write(preamble) as (connection, _):
        deleted_at = connection.scalar(select(col(DeletedUser.deleted_at)).where(col(DeletedUser.user_id) == user_id))
        if deleted_at is not None and (profile.issued_at is None or profile.issued_at <= deleted_at):
            raise Unauthenticated("The account was deleted.")
        pending = select(col(AccountDeletion.user_id)).where(col(AccountDeletion.user_id) == user_id)
        if connection.scalar(pending) is not None:
            raise Unavailable("The former account of this user is being deleted, usually within seconds; retry after that.")
        if _insert_user(connection, user_id, profile):
            connection.execute(insert(UserRevision).values(user_id=user_id, revision=0, purged_revision=0))


def take_over_email(
    connection: Connection, user_id: str, profile: ExternalUserProfile, next_revision: int, now: datetime
) -> None:
    """Set the e-mail to the one that the token names, with the next revision, unless another account has it."""
    account = update(User).where(col(User.id) == user_id)
    connection.execute(account.values(issuer_email=profile.email, issuer_email_at=profile.issued_at))
    if is_email_taken(driver_connection(connection), user_id, profile.email):
        return
    connection.execute(account.values(**with_computed_columns(User, {"email": profile.email}), updated_at=now))
    counter = update(UserRevision).where(col(UserRevision.user_id) == user_id)
    connection.execute(counter.values(revision=next_revision, stamped_at=now))


def _insert_user(connection: Connection, user_id: str, profile: ExternalUserProfile) -> bool:
    """Insert the account, without its e-mail if another account has it; return False if the account exists already."""
    for email in dict.fromkeys((profile.email, None)):
        account = {"id": user_id, "email": email, "name": profile.name, "is_active": True}
        claims = {"issuer_email": profile.email, "issuer_email_at": profile.issued_at}
        values = with_computed_columns(User, {**account, **claims})
        statement = upsert(User).values(**values, created_at=func.now(), updated_at=func.now())
        if connection.scalar(statement.on_conflict_do_nothing().returning(col(User.id))) is not None:
            return True
    return False
