"""Field types of the input schemas. PostgreSQL can store every value that they accept."""

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from models.schemas.visible_text import BLANK_TEXT_PATTERN, VISIBLE_CHARACTER_PATTERN, has_visible_character
from models.text.folding import MAX_COMPOSED, identity_key, normalize_limited, to_nfc

MAX_EMAIL_LENGTH = 254
MAX_PERSON_NAME_LENGTH = 100
MAX_POSITION = 2.0**53 - 1  # up to here, adding 1 makes another number, in JavaScript too


def _reject_nul(text: str) -> str:
    if "\x00" in text:
        msg = "NUL characters are not allowed."
        raise ValueError(msg)
    return text


def _reject_blank(text: str) -> str:
    if not has_visible_character(text):
        msg = "Must not be blank."
        raise ValueError(msg)
    return text


def not_blank_json_schema() -> Any:
    """Return the JSON schema of `NotBlank` for the OpenAPI document."""
    return Field(json_schema_extra={"minLength": 1, "pattern": VISIBLE_CHARACTER_PATTERN})


def _blank_to_none(text: object) -> object:
    return None if isinstance(text, str) and not has_visible_character(text) else text


def _float_to_int(number: object) -> object:
    return int(number) if isinstance(number, float) and number.is_integer() else number


def normalized_password(min_length: int, max_length: int) -> AfterValidator:
    """Return a validator that normalizes a password to NFKC, so that it is the same on all devices, and checks its length then.

    The length must be checked before as well, because normalizing a very long string is slow.
    """

    def normalize(text: str) -> str:
        normalized = unicodedata.normalize("NFKC", text)
        if not min_length <= len(normalized) <= max_length:
            msg = (
                f"Must have {min_length} to {max_length} characters; in Unicode normalization form NFKC it has {len(normalized)}."
            )
            raise ValueError(msg)
        return normalized

    return AfterValidator(normalize)


# RFC 9562, section 4. The class UUID also accepts other notations, such as underscores and white space between the digits.
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def canonical_id(text: str) -> str:
    """Return a UUID in the format of PostgreSQL, which is lower case. Raises ValueError."""
    if not _UUID.fullmatch(text):
        msg = "Must be a UUID, such as 01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e."
        raise ValueError(msg)
    return text.lower()


def exact_email(text: str) -> str:
    """Return an e-mail address as a login looks it up besides its key: without surrounding spaces, in lower case."""
    return text.strip().lower()


def fold_email(text: str) -> str:
    """Return an e-mail address as it is stored: without surrounding spaces, in lower case, in NFC."""
    return normalize_limited(exact_email(text), MAX_EMAIL_LENGTH)


def is_long_email(email: str) -> bool:
    """Return whether an e-mail address, or its identity key, is too long to be stored."""
    return len(email) > MAX_EMAIL_LENGTH or len(identity_key(email)) > MAX_EMAIL_LENGTH


def _is_long_in_any_form(email: str) -> bool:
    """Return whether no account can have this e-mail address, neither in this form nor in NFC."""
    return min(len(email), len(to_nfc(email))) > MAX_EMAIL_LENGTH


def _reject_if(is_long: Callable[[str], bool]) -> AfterValidator:
    def check(email: str) -> str:
        if is_long(email):
            msg = f"Must have at most {MAX_EMAIL_LENGTH} characters, also in Unicode normalization form NFKC."
            raise ValueError(msg)
        return email

    return AfterValidator(check)


def _normalized(max_length: int) -> BeforeValidator:
    """Return a validator that normalizes a text to NFC. Limits apply to the result, which may be shorter or longer."""
    return BeforeValidator(lambda text: normalize_limited(text, max_length) if isinstance(text, str) else text)


def _trimmed(max_length: int) -> BeforeValidator:
    """Return a validator that trims a text, then normalizes it as `_normalized` does."""
    return BeforeValidator(lambda text: normalize_limited(text.strip(), max_length) if isinstance(text, str) else text)


# Limits apply to the result, which may be longer: İ becomes two characters.
FoldedEmail = BeforeValidator(lambda text: fold_email(text) if isinstance(text, str) else text)
ExactEmail = BeforeValidator(lambda text: exact_email(text) if isinstance(text, str) else text)
NoNulCharacter = AfterValidator(_reject_nul)
NotBlank = AfterValidator(_reject_blank)
BlankToNone = BeforeValidator(_blank_to_none)
# JSON has one number type: 90 and 90.0 are equal.
IntegralFloat = BeforeValidator(_float_to_int)

Title = Annotated[str, StringConstraints(max_length=200), _trimmed(200), NotBlank, NoNulCharacter, not_blank_json_schema()]
# Descriptions and comments may be Markdown, where indentation and trailing spaces have a meaning: they are not trimmed.
Description = Annotated[str, StringConstraints(max_length=2000), _normalized(2000), NoNulCharacter]
ListName = Annotated[str, StringConstraints(max_length=100), _trimmed(100), NotBlank, NoNulCharacter, not_blank_json_schema()]
TagName = Annotated[str, StringConstraints(max_length=50), _trimmed(50), NotBlank, NoNulCharacter, not_blank_json_schema()]
TokenName = Annotated[str, StringConstraints(max_length=100), _trimmed(100), NotBlank, NoNulCharacter, not_blank_json_schema()]
CommentBody = Annotated[
    str, StringConstraints(max_length=5000), _normalized(5000), NotBlank, NoNulCharacter, not_blank_json_schema()
]
PersonName = Annotated[
    str,
    StringConstraints(max_length=MAX_PERSON_NAME_LENGTH),
    _trimmed(MAX_PERSON_NAME_LENGTH),
    NotBlank,
    NoNulCharacter,
    not_blank_json_schema(),
]
_COLOR = "#[0-9a-fA-F]{3}|#[0-9a-fA-F]{6}|[a-zA-Z][a-zA-Z0-9-]{0,31}"
# Before validation: surrounding spaces are removed, and a blank color becomes null.
_COLOR_JSON_SCHEMA = {"type": "string", "pattern": rf"^(\s*({_COLOR})\s*|{BLANK_TEXT_PATTERN})$"}
Color = Annotated[str, StringConstraints(strip_whitespace=True, pattern=f"^({_COLOR})$"), WithJsonSchema(_COLOR_JSON_SCHEMA)]
Email = Annotated[
    str,
    StringConstraints(max_length=MAX_EMAIL_LENGTH, pattern=r"^[^@\s]+@[^@\s]+$"),
    FoldedEmail,
    _reject_if(is_long_email),
    NoNulCharacter,
]
# Not normalized: the exact e-mail of an account of an earlier version may be in another form.
SubmittedEmail = Annotated[
    str,
    StringConstraints(max_length=MAX_COMPOSED * MAX_EMAIL_LENGTH),
    ExactEmail,
    _reject_if(_is_long_in_any_form),
    NoNulCharacter,
]
Id = Annotated[str, AfterValidator(canonical_id), WithJsonSchema({"type": "string", "format": "uuid"})]
Position = Annotated[float, Field(ge=-MAX_POSITION, le=MAX_POSITION, allow_inf_nan=False, strict=True)]
