"""Errors of the services. REST renders their attributes as problem details, GraphQL as `extensions`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, ClassVar

_MAX_ERRORS = 500  # as many as a bulk request has items
_MAX_TEXT_LENGTH = 2000
_LONG_WORD = re.compile(r"([^\s/'\"`]{100})[^\s/'\"`]+")  # in quotes, or a part of a pointer


def shorten(text: str) -> str:
    """Return the text of an error with long words and a long end replaced by `…`: names and values that the client sent."""
    shortened = _LONG_WORD.sub(r"\1…", text)
    return shortened if len(shortened) <= _MAX_TEXT_LENGTH else shortened[:_MAX_TEXT_LENGTH] + "…"


@dataclass(frozen=True, slots=True)
class FieldError:
    """Validation error of one field: a JSON pointer (RFC 6901) to the field, and how to fix it."""

    pointer: str
    detail: str


class TodoError(Exception):
    """Base class of the errors that clients see. `detail` is for people, `code` for programs; `extra_fields` are rendered too."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    headers: Mapping[str, str] = {}

    def __init__(self, detail: str, **extra_fields: Any) -> None:
        self.detail = shorten(detail)
        super().__init__(self.detail)
        self.extra_fields = extra_fields

    @property
    def extensions(self) -> dict[str, Any]:
        """Return the `extensions` of the GraphQL error; graphql-core copies this attribute."""
        return {"code": self.code, "status": self.status, **self.extra_fields}

    def point_to_item(self, index: int, subject: str = "") -> None:
        """Make this the error of one item of a bulk request: its pointers begin with the index, its texts with the subject."""
        errors = self.extra_fields.get("errors") or [{"pointer": "", "detail": self.detail}]
        prefixed = [FieldError(f"/{index}{error['pointer']}", subject + error["detail"]) for error in errors]
        self.detail = shorten(prefixed[0].detail if len(prefixed) == 1 else subject + _summary(prefixed))
        self.extra_fields["errors"] = _rendered(prefixed)
        self.args = (self.detail,)


class Unauthenticated(TodoError):
    """The token is missing, invalid, expired or revoked."""

    code, status, title = "UNAUTHENTICATED", 401, "Authentication required"
    headers: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}


class Forbidden(TodoError):
    """The token is valid, but does not permit this action."""

    code, status, title = "FORBIDDEN", 403, "Not allowed"


class NotFound(TodoError):
    """The resource does not exist, is deleted, or belongs to another user: the error is the same for all three."""

    code, status, title = "NOT_FOUND", 404, "Not found"

    @classmethod
    def for_resource(cls, display_name: str) -> "NotFound":
        """Return the error for a resource with this display name, such as "API token"."""
        return cls(f"{display_name[0].upper()}{display_name[1:]} not found.")

    @classmethod
    def for_ids(cls, display_name: str, missing: Mapping[str, str]) -> "NotFound":
        """Return the error for several resources: the missing ids by their pointers."""
        errors = [FieldError(pointer, f"{display_name.capitalize()} not found: {id_}.") for pointer, id_ in missing.items()]
        names = ", ".join(dict.fromkeys(missing.values()))
        return cls(f"{display_name.capitalize()} not found: {names}. Nothing was changed.", errors=_rendered(errors))


class MethodNotAllowed(TodoError):
    """The path does not support this method."""

    code, status, title = "METHOD_NOT_ALLOWED", 405, "Method not allowed"


class UnsupportedMediaType(TodoError):
    """The path does not accept this Content-Type."""

    code, status, title = "UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported media type"


class PayloadTooLarge(TodoError):
    """The body is larger than the limit."""

    code, status, title = "PAYLOAD_TOO_LARGE", 413, "Payload too large"


class Conflict(TodoError):
    """The request conflicts with existing data."""

    code, status, title = "CONFLICT", 409, "Conflict"

    @classmethod
    def at_pointer(cls, pointer: str, detail: str, **extra_fields: Any) -> "Conflict":
        """Return the error for the field at this pointer."""
        return cls(detail, errors=_rendered([FieldError(pointer, detail)]), **extra_fields)


class EmailTaken(TodoError):
    """Another account has this e-mail."""

    code, status, title = "EMAIL_TAKEN", 409, "E-mail taken"


class PreconditionFailed(TodoError):
    """The resource does not meet a precondition; `current` is its current state."""

    code, status, title = "PRECONDITION_FAILED", 412, "Precondition failed"

    def __init__(self, current: object, detail: str) -> None:
        super().__init__(detail, current=current)


class InvalidInput(TodoError):
    """The body, path, query string, an argument or a cursor is invalid."""

    code, status, title = "INVALID_INPUT", 422, "Invalid input"

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(errors[0].detail if len(errors) == 1 else _summary(errors), errors=_rendered(errors))

    @classmethod
    def from_pydantic(cls, errors: Iterable[Mapping[str, Any]], *, skip: int = 0, prefix: str = "") -> "InvalidInput":
        """Build the error from pydantic's, without the input values: they may be passwords, or not encodable.

        `skip` is the number of leading location parts to drop, such as "body"; `prefix` is prepended to each pointer.
        """
        return cls([FieldError(prefix + _pointer(error["loc"][skip:]), _message(error)) for error in errors])

    @classmethod
    def at_pointer(cls, pointer: str, detail: str) -> "InvalidInput":
        """Return the error with one validation error."""
        return cls([FieldError(pointer, detail)])


class QueryTooComplex(TodoError):
    """The request exceeds a complexity or size limit; the detail says how to reduce it."""

    code, status, title = "QUERY_TOO_COMPLEX", 422, "Query too complex"


def _rendered(errors: Sequence[FieldError]) -> list[dict[str, str]]:
    return [{"pointer": shorten(error.pointer), "detail": shorten(error.detail)} for error in errors[:_MAX_ERRORS]]


def _summary(errors: Sequence[FieldError]) -> str:
    fields = ", ".join(error.pointer or "(root)" for error in errors)
    return f"Validation failed for {len(errors)} fields: {fields}."


def _pointer(location: Sequence[object]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)


def _message(error: Mapping[str, Any]) -> str:
    known = {"extra_forbidden": "Unknown field.", "missing": "This field is required."}
    return known.get(error["type"]) or error["msg"].removeprefix("Value error, ")


class Unavailable(TodoError):
    """The database, the issuer's keys or the password hasher are unavailable or overloaded.

    Nothing was written in part; the client may retry the same request.
    """

    code, status, title = "UNAVAILABLE", 503, "Temporarily unavailable"
    headers: Mapping[str, str] = {"Retry-After": "2"}


class StaleTransaction(Unavailable):
    """The prepared statements of a connection have become invalid, for example by a migration. Running it again prepares them."""


class RateLimited(TodoError):
    """A quota is exhausted. Nothing was done; the client may retry after `retry_after` seconds."""

    code, status, title = "RATE_LIMITED", 429, "Too many requests"

    def __init__(self, policy: str, retry_after: float) -> None:
        """Create the error from the policy in words ("1200 requests in 60 seconds") and the seconds to wait."""
        seconds = max(1, ceil(retry_after))
        super().__init__(f"Rate limit exceeded ({policy}); retry in {seconds} s.", retry_after=seconds)
        self.headers = {"Retry-After": str(seconds)}
