"""One error family. Both doors render the same attributes: REST as problem details, GraphQL as `extensions`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with the input: a JSON pointer (RFC 6901) to the member, and what to mend."""

    pointer: str
    detail: str


class TodoError(Exception):
    """Something the caller should know. `detail` is for people, `code` for programs."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    headers: Mapping[str, str] = {}

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra_fields = members

    @property
    def extensions(self) -> dict[str, Any]:
        """Return what GraphQL shows beside the message; graphql-core copies this attribute by itself."""
        return {"code": self.code, "status": self.status, **self.extra_fields}


class Unauthenticated(TodoError):
    """No token, or one that no longer opens anything."""

    code, status, title = "UNAUTHENTICATED", 401, "Authentication required"
    headers: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}


class Forbidden(TodoError):
    """A valid token, but not for this."""

    code, status, title = "FORBIDDEN", 403, "Not allowed"


class NotFound(TodoError):
    """Absent, deleted, or another user's: one answer for all three."""

    code, status, title = "NOT_FOUND", 404, "Not found"

    @classmethod
    def for_resource(cls, noun: str) -> "NotFound":
        return cls(f"There is no such {noun}.")


class MethodNotAllowed(TodoError):
    """The path exists, but not for this method."""

    code, status, title = "METHOD_NOT_ALLOWED", 405, "Method not allowed"


class UnsupportedMediaType(TodoError):
    """The body is of a kind that is not understood here."""

    code, status, title = "UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported media type"


class PayloadTooLarge(TodoError):
    """The body is larger than the service reads."""

    code, status, title = "PAYLOAD_TOO_LARGE", 413, "Payload too large"


class Conflict(TodoError):
    """It would collide with what is there."""

    code, status, title = "CONFLICT", 409, "Conflict"


class EmailTaken(TodoError):
    """An account has this e-mail already."""

    code, status, title = "EMAIL_TAKEN", 409, "E-mail taken"


class PreconditionFailed(TodoError):
    """The row has another revision than the caller demands; `current` is what it looks like now."""

    code, status, title = "PRECONDITION_FAILED", 412, "Precondition failed"

    def __init__(self, current: object) -> None:
        super().__init__("The row has changed since the revision you named; see `current`.", current=current)


class InvalidInput(TodoError):
    """Malformed body, path, query, argument or cursor."""

    code, status, title = "INVALID_INPUT", 422, "Invalid input"

    def __init__(self, errors: list[FieldError]) -> None:
        where = ", ".join(flaw.pointer or "the whole" for flaw in errors)
        super().__init__(
            errors[0].detail if len(errors) == 1 else f"The input has {len(errors)} flaws: {where}.",
            errors=[{"pointer": flaw.pointer, "detail": flaw.detail} for flaw in errors],
        )

    @classmethod
    def from_pydantic(cls, flaws: Iterable[Mapping[str, Any]], *, skip: int = 0, prefix: str = "") -> "InvalidInput":
        """Translate pydantic's errors, without what was sent: it may be a password, or not encodable.

        `skip` is how many parts of each place lead to the input, such as "body"; `prefix` is a pointer to put in front.
        """
        return cls([FieldError(prefix + _pointer(flaw["loc"][skip:]), _message(flaw)) for flaw in flaws])

    @classmethod
    def at_pointer(cls, pointer: str, detail: str) -> "InvalidInput":
        return cls([FieldError(pointer, detail)])


class QueryTooComplex(TodoError):
    """It asks for more than one request may read; the detail says how to ask for less."""

    code, status, title = "QUERY_TOO_COMPLEX", 422, "Query too complex"


def _pointer(place: Sequence[object]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)


def _message(flaw: Mapping[str, Any]) -> str:
    known = {"extra_forbidden": "There is no such member here; is it misspelt?", "missing": "This is required."}
    return known.get(flaw["type"]) or flaw["msg"].removeprefix("Value error, ")


class Unavailable(TodoError):
    """The database, or what tells whether a token is valid, is away or overloaded.

    Nothing was half-written; the same request may be sent again.
    """

    code, status, title = "UNAVAILABLE", 503, "Temporarily unavailable"
    headers: Mapping[str, str] = {"Retry-After": "2"}


class RateLimited(TodoError):
    """More than the caller may ask for in so short a time. Nothing was done; `retry_after` is when there is room again."""

    code, status, title = "RATE_LIMITED", 429, "Too many requests"

    def __init__(self, policy: str, retry_after: float) -> None:
        """Take what there was too much of, as "1200 requests in 60 seconds", and how many seconds to wait."""
        seconds = max(1, ceil(retry_after))
        super().__init__(f"The limit is {policy}; come back in {seconds} s.", retry_after=seconds)
        self.headers = {"Retry-After": str(seconds)}
