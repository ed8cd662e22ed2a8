"""What a token's claims say about whom it speaks for, once its signature is known to be right."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from models.base import MAX_USER_ID_LENGTH
from models.field_types import canonical_id
from services.authorization import EXTERNAL, Authorization
from services.errors import Unauthenticated
from services.user_context import ExternalUserProfile

_LOCAL_USER_ID_CLAIMS = ("sub", "iat", "exp", "jti", "sid")
_MAX_EMAIL, _MAX_NAME = 254, 100


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a token speaks for and what it entitles to; a newcomer's claims if it was signed elsewhere."""

    user_id: str
    external_profile: ExternalUserProfile | None = None
    authorization: Authorization = EXTERNAL


def identity_from_local_claims(claims: Mapping[str, object]) -> Identity:
    """Return whom a token speaks for that was issued here. Raises Unauthenticated."""
    if any(claim not in claims for claim in _LOCAL_USER_ID_CLAIMS):
        raise Unauthenticated("The token is not valid.")
    return Identity(_user_id(claims, ("sub",)), authorization=Authorization.for_session(_session_id(claims)))


def identity_from_external_claims(claims: Mapping[str, object], user_claims: tuple[str, ...]) -> Identity:
    """Return whom a token of another issuer speaks for: the first of these claims names the user. Raises Unauthenticated."""
    return Identity(_user_id(claims, user_claims), _external_profile(claims))


def _session_id(claims: Mapping[str, object]) -> str:
    try:
        return canonical_id(str(claims["sid"]))
    except ValueError:
        raise Unauthenticated("The token is not valid.") from None


def _user_id(claims: Mapping[str, object], names: tuple[str, ...]) -> str:
    for name in names:
        value = claims.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.isprintable() and 0 < len(value.strip()) <= len(value) <= MAX_USER_ID_LENGTH:
            return value
        if value is not None:
            break
    raise Unauthenticated("The token names no user.")


def _external_profile(claims: Mapping[str, object]) -> ExternalUserProfile:
    return ExternalUserProfile(
        email=_clean_text(claims.get("email"), _MAX_EMAIL, lower=True),
        name=_clean_text(claims.get("name"), _MAX_NAME),
        issued_at=_timestamp(claims.get("iat")),
    )


def _clean_text(value: object, longest: int, *, lower: bool = False) -> str | None:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value.strip()) <= longest:
        return None
    return value.strip().lower() if lower else value.strip()


def _timestamp(value: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None
