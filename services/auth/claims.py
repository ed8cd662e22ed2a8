"""Identity of a token: the user and authorization that its verified claims name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from models.base import MAX_USER_ID_LENGTH
from models.schemas.field_types import MAX_EMAIL_LENGTH, MAX_PERSON_NAME_LENGTH, canonical_id, fold_email, is_long_email
from models.schemas.visible_text import has_visible_character
from models.text.folding import normalize_limited
from services.authorization import EXTERNAL, Authorization
from services.errors import Unauthenticated
from services.external_users import ExternalUserProfile

_REQUIRED_LOCAL_CLAIMS = ("sub", "iat", "exp", "jti", "sid")


@dataclass(frozen=True, slots=True)
class Identity:
    """User and authorization of a token, and the profile claims of an external token."""

    user_id: str
    external_profile: ExternalUserProfile | None = None
    authorization: Authorization = EXTERNAL


def identity_from_local_claims(claims: Mapping[str, object]) -> Identity:
    """Return the identity of a local token. Raises Unauthenticated."""
    if any(claim not in claims for claim in _REQUIRED_LOCAL_CLAIMS):
        raise Unauthenticated("The token is not valid.")
    return Identity(_user_id(claims, ("sub",)), authorization=Authorization.for_session(_session_id(claims)))


def identity_from_external_claims(claims: Mapping[str, object], user_claims: tuple[str, ...]) -> Identity:
    """Return the identity of an external token; the first present one of `user_claims` is the user id. Raises Unauthenticated."""
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
    raise Unauthenticated("The token has no usable user claim (sub).")


def _external_profile(claims: Mapping[str, object]) -> ExternalUserProfile:
    email = _clean_text(claims.get("email"), MAX_EMAIL_LENGTH, fold_email)
    return ExternalUserProfile(
        email=None if email is None or is_long_email(email) else email,
        name=_clean_text(claims.get("name"), MAX_PERSON_NAME_LENGTH, _trim_name),
        issued_at=_timestamp(claims.get("iat")),
    )


def _trim_name(name: str) -> str:
    return normalize_limited(name.strip(), MAX_PERSON_NAME_LENGTH)


def _clean_text(value: object, max_length: int, normalize: Callable[[str], str]) -> str | None:
    """Return the text as it is stored, or None if there is none or it is not acceptable."""
    if not isinstance(value, str) or not value.isprintable():
        return None
    stored = normalize(value)
    return stored if has_visible_character(stored) and len(stored) <= max_length else None


def _timestamp(value: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None
