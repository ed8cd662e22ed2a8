"""The kinds of text and numbers that bodies may hold. Whatever passes here, PostgreSQL can store."""

import unicodedata
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema


def _reject_nul(text: str) -> str:
    if "\x00" in text:
        msg = "The NUL character cannot be stored."
        raise ValueError(msg)
    return text


def _reject_blank(text: str) -> str:
    if not text:
        msg = "Must not be blank."
        raise ValueError(msg)
    return text


def not_blank_json_schema() -> Any:
    """Tell readers of the OpenAPI document what `NotBlank` demands."""
    # JavaScript's \s, which patterns speak, leaves out NEL; stripping does not.
    return Field(json_schema_extra={"minLength": 1, "pattern": r"[^\s\u0085]"})


def _blank_to_none(text: object) -> object:
    return None if isinstance(text, str) and not text.strip() else text


def _float_to_int(number: object) -> object:
    return int(number) if isinstance(number, float) and number.is_integer() else number


def normalized_password(shortest: int, longest: int) -> AfterValidator:
    """Bring a password into NFKC, so that the same keys pressed on another device give the same one; its length is that form's.

    Lengths must be checked before, too: to normalise a very long text takes very long.
    """

    def normalised(text: str) -> str:
        normal = unicodedata.normalize("NFKC", text)
        if not shortest <= len(normal) <= longest:
            msg = f"Must have {shortest} to {longest} characters; in Unicode's form NFKC it has {len(normal)}."
            raise ValueError(msg)
        return normal

    return AfterValidator(normalised)


def canonical_id(text: str) -> str:
    """Return a UUID as PostgreSQL writes it. Raises ValueError."""
    try:
        return str(UUID(text))
    except ValueError:
        msg = "Must be a UUID, such as 01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e."
        raise ValueError(msg) from None


NoNulCharacter = AfterValidator(_reject_nul)
NotBlank = AfterValidator(_reject_blank)
BlankToNone = BeforeValidator(_blank_to_none)
# JSON has one kind of number: 90 and 90.0 are the same.
IntegralFloat = BeforeValidator(_float_to_int)

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200), NotBlank, NoNulCharacter, not_blank_json_schema()
]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), NoNulCharacter]
ListName = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100), NotBlank, NoNulCharacter, not_blank_json_schema()
]
TagName = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=50), NotBlank, NoNulCharacter, not_blank_json_schema()
]
TokenName = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100), NotBlank, NoNulCharacter, not_blank_json_schema()
]
CommentBody = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=5000), NotBlank, NoNulCharacter, not_blank_json_schema()
]
PersonName = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100), NotBlank, NoNulCharacter, not_blank_json_schema()
]
_COLOR = "#[0-9a-fA-F]{3}|#[0-9a-fA-F]{6}|[a-zA-Z][a-zA-Z0-9-]{0,31}"
# As a client may write it: with spaces around it, which go, or blank, which is none.
_COLOR_JSON_SCHEMA = {"type": "string", "pattern": rf"^\s*({_COLOR})?\s*$"}
Color = Annotated[str, StringConstraints(strip_whitespace=True, pattern=f"^({_COLOR})$"), WithJsonSchema(_COLOR_JSON_SCHEMA)]
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$"), NoNulCharacter
]
Id = Annotated[str, AfterValidator(canonical_id), WithJsonSchema({"type": "string", "format": "uuid"})]
Position = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False, strict=True)]
