"""Authorization: the scopes of a token, and the credential whose revocation ends it."""

from collections.abc import Iterable
from dataclasses import dataclass

from models.credentials import ApiToken, Credential, LoginSession
from models.scopes import Scope
from services.errors import Forbidden

ALL_SCOPES = frozenset(Scope)
# The same error whether the token is cached or looked up.
INVALID_API_TOKEN = "The API token is invalid, revoked or expired."  # noqa: S105


@dataclass(frozen=True, slots=True)
class Authorization:
    """Scopes of a token, and its credential: None for an external token, which only its issuer can revoke."""

    scopes: frozenset[Scope] = ALL_SCOPES
    credential_type: type[Credential] | None = None
    credential_id: str | None = None

    @classmethod
    def for_session(cls, session_id: str) -> "Authorization":
        """Return the authorization of a local access token."""
        return cls(credential_type=LoginSession, credential_id=session_id)

    @classmethod
    def for_api_token(cls, token_id: str, scopes: Iterable[str]) -> "Authorization":
        """Return the authorization of an API token."""
        return cls(expand_scopes(map(Scope, scopes)), ApiToken, token_id)

    @property
    def session_id(self) -> str | None:
        """Return the id of the login session, or None if the token belongs to none."""
        return self.credential_id if self.credential_type is LoginSession else None

    def require_scope(self, scope: Scope) -> None:
        """Raise Forbidden unless the token has this scope."""
        if scope not in self.scopes:
            raise Forbidden(f"The token lacks the scope {scope}.")


def expand_scopes(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return the scopes with those that they imply: writing implies reading, since writes return rows with their relations."""
    explicit = frozenset(scopes)
    return explicit | {Scope.TASKS_READ} if Scope.TASKS_WRITE in explicit else explicit


# Authorization of a token from an external issuer.
EXTERNAL = Authorization()
