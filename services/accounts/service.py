"""Account service: read, update and delete the authenticated user's account."""

from collections.abc import Mapping
from typing import TypeVar

from models.columns import with_computed_columns
from models.scopes import Scope
from models.user import AccountUpdate, User
from services.accounts.deletion import begin_deletion
from services.accounts.deletion_worker import DeletionWorker
from services.auth.password_hashing import PasswordHasher
from services.auth.password_verification import PasswordVerification, load_password_hash
from services.auth.sessions import revoke_other_sessions
from services.errors import EmailTaken, InvalidInput, PreconditionFailed
from services.external_users import is_email_taken
from services.preconditions import NO_PRECONDITIONS, EntityTag, Preconditions
from services.query_engine.entity_registry import ACCOUNT
from services.query_engine.query_model import RowSelection
from services.query_engine.rest_projection import default_row_selection
from services.rate_limiting.client import Client
from services.unit_of_work import ReadTransaction, WriteTransaction
from services.user_context import UserContext

Result = TypeVar("Result")


class AccountService:
    """Account of the authenticated user."""

    def __init__(self, context: UserContext, passwords: PasswordHasher, client: Client, deletion_worker: DeletionWorker) -> None:
        self._context = context
        self._passwords = passwords
        self._client = client
        self._deletion_worker = deletion_worker

    def get(self, selection: RowSelection[Result | None], preconditions: Preconditions = NO_PRECONDITIONS) -> Result:
        """Return the account. Raises NotModified, PreconditionFailed."""
        with self._context.read_transaction() as transaction:
            transaction.require_read_scope(ACCOUNT.name)
            tag = _account_tag(transaction)
            preconditions.check_unmodified(tag)
            account = transaction.read_account(selection)
            preconditions.check_read(tag, account)
            return account

    def update(
        self,
        change: AccountUpdate,
        selection: RowSelection[Result | None],
        preconditions: Preconditions = NO_PRECONDITIONS,
    ) -> Result:
        """Update the fields that were sent; a new password revokes all other sessions.

        Raises PreconditionFailed, EmailTaken, InvalidInput if the current password is missing or wrong, RateLimited after too
        many attempts.
        """
        values = change.sent_fields()
        current = values.pop("current_password", None)
        verification = self._verify_current_password(current or "") if self._changes_credentials(values) else None
        if "password" in values:
            values["password_hash"] = self._passwords.hash(values.pop("password"))
        with self._context.write_transaction(Scope.ACCOUNT) as transaction:
            _check_preconditions(transaction, preconditions, selection)
            if verification is not None and not verification.is_still_valid(transaction, self._passwords):
                raise _invalid_current_password()
            account = transaction.session.get_one(User, transaction.user_id)
            if verification is None and values.get("email", account.email) != account.email:
                raise _invalid_current_password()  # the e-mail was changed since it was compared
            if "email" in values and is_email_taken(transaction.connection, transaction.user_id, values["email"]):
                raise EmailTaken("An account with this e-mail already exists.")
            if "password_hash" in values:
                revoke_other_sessions(transaction)
            if any(getattr(account, name) != value for name, value in values.items()):
                account.sqlmodel_update({**with_computed_columns(User, values), "updated_at": transaction.now})
                transaction.next_revision()
                transaction.session.flush()
            return transaction.read_account(selection)

    def delete(self, preconditions: Preconditions = NO_PRECONDITIONS) -> None:
        """Delete the account. Its tokens are rejected immediately; a worker deletes its rows. Raises PreconditionFailed."""
        with self._context.write_transaction(Scope.ACCOUNT) as transaction:
            _check_preconditions(transaction, preconditions, default_row_selection(ACCOUNT))
            begin_deletion(transaction)
        self._deletion_worker.wake()

    def _changes_credentials(self, values: Mapping[str, object]) -> bool:
        """Return whether the values change the e-mail or the password; clients may send back the e-mail that they received."""
        if "email" not in values or "password" in values:
            return "password" in values
        with self._context.read_transaction() as transaction:
            return transaction.read_account(default_row_selection(ACCOUNT))["email"] != values["email"]

    def _verify_current_password(self, current: str) -> PasswordVerification:
        with self._context.read_transaction() as transaction:
            transaction.authorization.require_scope(Scope.ACCOUNT)
            stored = load_password_hash(transaction)
        if stored is None:
            raise InvalidInput.at_pointer(
                "/password", "This account is managed by an external identity provider; change the e-mail or password there."
            )
        # Unlike a login, a success does not reset the attempts: a new e-mail also reveals whether an address is registered.
        self._client.auth_attempts.consume()
        self._client.account_attempts("confirm password", self._context.user_id).consume()
        verification = PasswordVerification.verify(current, stored, self._passwords)
        if verification is None:
            raise _invalid_current_password()
        return verification


def _account_tag(transaction: ReadTransaction) -> EntityTag:
    """Return the tag of the account, whose revision is the user's revision."""
    return EntityTag.of_revision(transaction.revision)


def _check_preconditions(
    transaction: WriteTransaction, preconditions: Preconditions, selection: RowSelection[Result | None]
) -> None:
    """Raise PreconditionFailed, with the current account, unless the account may be written."""
    failure = preconditions.find_failure(_account_tag(transaction))
    if failure is not None:
        raise PreconditionFailed(transaction.read_account(selection), failure)


def _invalid_current_password() -> InvalidInput:
    return InvalidInput.at_pointer("/current_password", "Changing the e-mail or password requires the correct current password.")
