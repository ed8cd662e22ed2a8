"""The kinds of text and numbers that bodies may hold. Whatever passes here, PostgreSQL can store."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints


def _storable(text: str) -> str:
    if "\x00" in text:
        msg = "The NUL character cannot be stored."
        raise ValueError(msg)
    return text


def _not_blank(text: str) -> str:
    if not text:
        msg = "Must not be blank."
        raise ValueError(msg)
    return text


def _blank_is_none(text: object) -> object:
    return None if isinstance(text, str) and not text.strip() else text


def _only_uuid(value: object) -> object:
    if not isinstance(value, str | UUID):
        msg = "Must be a UUID, written as text."
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns only ValueError into a validation error
    return value


Storable = AfterValidator(_storable)
NotBlank = AfterValidator(_not_blank)
BlankIsNone = BeforeValidator(_blank_is_none)

Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), NotBlank, Storable]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), Storable]
ListName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100), NotBlank, Storable]
TagName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=50), NotBlank, Storable]
CommentBody = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5000), NotBlank, Storable]
PersonName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100), NotBlank, Storable]
Color = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=r"^(#[0-9a-fA-F]{3}|#[0-9a-fA-F]{6}|[a-zA-Z][a-zA-Z0-9-]{0,31})$"),
]
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$"), Storable
]
Id = Annotated[UUID, BeforeValidator(_only_uuid), AfterValidator(str)]
Position = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False, strict=True)]
