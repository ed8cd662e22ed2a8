"""If-Match and If-None-Match headers of REST requests (RFC 9110, 13.1)."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import WithJsonSchema

from api.authentication import get_current_user
from services.errors import InvalidInput
from services.preconditions import ConditionalRead, EntityTag, EntityTags, Preconditions

# One element of the list, which may be empty (RFC 9110, 5.6.1.2), with the comma behind it.
_ELEMENT = re.compile(r'[ \t]*(?:(?P<weak>W/)?"(?P<opaque>[^"]*)"[ \t]*)?(?:,|$)')
_SCHEMA = WithJsonSchema({"type": "string", "pattern": r'^\s*(\*|(W/)?"[^"]*"(\s*,\s*(W/)?"[^"]*")*)\s*$', "examples": ['"7"']})

# Lists, because a header may have several lines.
_IfMatchLines = Annotated[
    list[str] | None,
    _SCHEMA,
    Header(
        description='ETags of which the row must still have one, such as `"7"`, or `*`; otherwise PRECONDITION_FAILED. '
        "A weak ETag never matches.",
    ),
]
_IfNoneMatchLines = Annotated[
    list[str] | None,
    _SCHEMA,
    Header(
        description="ETags that the client has, or `*`. If one is current, a read returns 304 without a body, "
        "and a write fails with PRECONDITION_FAILED.",
    ),
]


def parse_entity_tags(name: str, lines: Sequence[str] | None) -> EntityTags | None:
    """Parse the lines of a header, which form one list; None if there are none. Raises InvalidInput."""
    if lines is None:
        return None
    text = ", ".join(lines).strip(" \t")
    if text == "*":
        return EntityTags(is_wildcard=True)
    tags = frozenset(_parse_elements(name, text))
    if not tags:
        raise _invalid_header(name)
    return EntityTags(tags)


async def read_preconditions(if_match: _IfMatchLines = None, if_none_match: _IfNoneMatchLines = None) -> Preconditions:
    """Return the preconditions of the request. Raises InvalidInput."""
    return Preconditions(parse_entity_tags("If-Match", if_match), parse_entity_tags("If-None-Match", if_none_match))


async def read_conditional_request(
    request: Request, if_match: _IfMatchLines = None, if_none_match: _IfNoneMatchLines = None
) -> ConditionalRead:
    """Return the preconditions of a read, with its request, user and API version. Raises InvalidInput, Unauthenticated."""
    texts = (request.app.version, get_current_user(request).user_id, request.scope["path"])
    content = b"\0".join((*(text.encode() for text in texts), request.scope["query_string"]))
    return ConditionalRead(content, await read_preconditions(if_match, if_none_match))


def _parse_elements(name: str, text: str) -> Iterator[EntityTag]:
    position = 0
    while position < len(text):
        element = _ELEMENT.match(text, position)
        if element is None:
            raise _invalid_header(name)
        if element["opaque"] is not None:
            yield EntityTag(element["opaque"], is_weak=element["weak"] is not None)
        position = element.end()


def _invalid_header(name: str) -> InvalidInput:
    return InvalidInput.at_pointer(
        f"/{name.lower()}", f'Invalid {name} header. Send ETags such as "7", separated by commas, or *.'
    )


PreconditionsDep = Annotated[Preconditions, Depends(read_preconditions)]
ConditionalReadDep = Annotated[ConditionalRead, Depends(read_conditional_request)]
