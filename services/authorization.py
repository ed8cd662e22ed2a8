"""What a caller's token entitles to, and the lease that it lives by."""

from collections.abc import Iterable
from dataclasses import dataclass

from models.credentials import ApiToken, Credential, LoginSession
from models.scopes import Scope
from services.errors import Forbidden

ALL_SCOPES = frozenset(Scope)
# The same whether the token was found before or is looked for now.
INVALID_API_TOKEN = "This API token is not valid: it never was, was deleted, or has expired."  # noqa: S105


@dataclass(frozen=True, slots=True)
class Authorization:
    """The scopes, and the lease: None where somebody else issued the token, who alone can end it."""

    scopes: frozenset[Scope] = ALL_SCOPES
    credential_type: type[Credential] | None = None
    credential_id: str | None = None

    @classmethod
    def for_session(cls, session_id: str) -> "Authorization":
        """Return what an access token of ours entitles to."""
        return cls(credential_type=LoginSession, credential_id=session_id)

    @classmethod
    def for_api_token(cls, token_id: str, scopes: Iterable[str]) -> "Authorization":
        """Return what an API token entitles to."""
        return cls(expand_scopes(map(Scope, scopes)), ApiToken, token_id)

    @property
    def session_id(self) -> str | None:
        """Return the session, if the token is of one."""
        return self.credential_id if self.credential_type is LoginSession else None

    def require_scope(self, scope: Scope) -> None:
        """Raise Forbidden unless the token has this scope."""
        if scope not in self.scopes:
            raise Forbidden(f"The token lacks the scope {scope}.")


def expand_scopes(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return the scopes with those that they include: what writes also answers what it wrote, with all that hangs on it."""
    given = frozenset(scopes)
    return given | {Scope.TASKS_READ} if Scope.TASKS_WRITE in given else given


# What a token entitles to that somebody else issued.
EXTERNAL = Authorization()
