"""Preconditions (RFC 9110, 13): entity tags, and the conditions that If-Match, If-None-Match and `ifRevision` set on a request.

A single row has the strong tag "<revision>". A representation composed of several rows has a weak tag, made of the user's
revision and the request.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Generic, TypeVar

import orjson

from services.errors import PreconditionFailed

Result = TypeVar("Result")

_DIGEST_BYTES = 12


@dataclass(frozen=True, slots=True)
class EntityTag:
    """Entity tag of a representation. Its text is opaque: `"07"` and `"7"` are different tags."""

    opaque: str
    is_weak: bool = False

    @classmethod
    def of_revision(cls, revision: int) -> "EntityTag":
        """Return the tag of a row with this revision."""
        return cls(str(revision))

    @classmethod
    def of_content(cls, content: bytes, prefix: str = "") -> "EntityTag":
        """Return a weak tag with a hash of the content."""
        return cls(prefix + blake2b(content, digest_size=_DIGEST_BYTES).hexdigest(), is_weak=True)

    @classmethod
    def of_value(cls, value: object) -> "EntityTag":
        """Return a weak tag with a hash of the value's JSON, for a representation that has no revision."""
        return cls.of_content(orjson.dumps(value, option=orjson.OPT_UTC_Z))

    def __str__(self) -> str:
        """Return the tag as the value of an ETag header."""
        return f'{"W/" if self.is_weak else ""}"{self.opaque}"'


@dataclass(frozen=True, slots=True)
class EntityTags:
    """Value of If-Match or If-None-Match: a list of tags, or `*`, which matches every representation."""

    tags: frozenset[EntityTag] = frozenset()
    is_wildcard: bool = False

    def has_strong_match(self, current: EntityTag | None) -> bool:
        """Return whether the current tag (None: there is no representation) matches; a weak tag never does."""
        return current is not None and (self.is_wildcard or (not current.is_weak and current in self.tags))

    def has_weak_match(self, current: EntityTag | None) -> bool:
        """Return whether the current tag (None: there is no representation) matches, whether weak or not."""
        return current is not None and (self.is_wildcard or self.lists(current))

    def lists(self, current: EntityTag) -> bool:
        """Return whether the current tag is in the list, whether weak or not; `*` lists none."""
        return any(tag.opaque == current.opaque for tag in self.tags)


class NotModified(Exception):
    """The client has the current representation, which has this tag; the response needs no body."""

    def __init__(self, tag: EntityTag) -> None:
        super().__init__(str(tag))
        self.tag = tag


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The preconditions of a request; None if a header is absent. If-Match is evaluated first."""

    if_match: EntityTags | None = None
    if_none_match: EntityTags | None = None

    @classmethod
    def for_revision(cls, revision: int | None) -> "Preconditions":
        """Return the precondition that a row has this revision; None sets no precondition."""
        return cls() if revision is None else cls(if_match=EntityTags(frozenset({EntityTag.of_revision(revision)})))

    @property
    def is_empty(self) -> bool:
        """Return whether there are no preconditions."""
        return self.if_match is None and self.if_none_match is None

    def find_failure(self, current: EntityTag | None) -> str | None:
        """Return why a row with this tag (None: there is no row) must not be written; None if it may."""
        if self.if_match is not None and not self.if_match.has_strong_match(current):
            return _if_match_failure(self.if_match, current)
        if self.if_none_match is not None and self.if_none_match.has_weak_match(current):
            return "The resource exists, and If-None-Match permits no match; see `current`."
        return None

    def check_write(self, current: object) -> None:
        """Raise PreconditionFailed unless the representation (None: there is none), which has no revision, may be written.

        The error contains the representation, unless it is a list: those are read again.
        """
        failure = self.find_failure(None if current is None else EntityTag.of_value(current))
        if failure is not None:
            raise PreconditionFailed(None if isinstance(current, list) else current, failure)

    def check_unmodified(self, tag: EntityTag) -> None:
        """Raise NotModified if the client lists this tag. Used before the representation is read."""
        if self.if_match is None and self.if_none_match is not None and self.if_none_match.lists(tag):
            raise NotModified(tag)

    def check_read(self, tag: EntityTag, current: object = None) -> None:
        """Raise PreconditionFailed or NotModified unless the representation with this tag is to be sent."""
        if self.if_match is not None and not self.if_match.has_strong_match(tag):
            raise PreconditionFailed(current, _if_match_failure(self.if_match, tag))
        if self.if_none_match is not None and self.if_none_match.has_weak_match(tag):
            raise NotModified(tag)


NO_PRECONDITIONS = Preconditions()


@dataclass(frozen=True, slots=True)
class ConditionalRead:
    """Preconditions of a read. `request` holds all that determines the response besides the user's data, the user included."""

    request: bytes
    preconditions: Preconditions = NO_PRECONDITIONS

    def composed_tag(self, revision: int) -> EntityTag:
        """Return the tag of a response that depends on this request and the user's revision only."""
        return EntityTag.of_content(self.request, prefix=f"{revision}-")


@dataclass(frozen=True, slots=True)
class TaggedResult(Generic[Result]):
    """Result of a read, with its entity tag."""

    value: Result
    tag: EntityTag


def _if_match_failure(expected: EntityTags, current: EntityTag | None) -> str:
    if current is None:
        return "The resource does not exist."
    if current.is_weak:
        return "The ETag of this response is weak, which If-Match never matches; use If-None-Match."
    if any(tag.is_weak for tag in expected.tags):
        return f'If-Match never matches a weak ETag. Send "<revision>" of the row, now {current}; see `current`.'
    return "The resource has changed since the given revision; see `current`."
