"""Content negotiation: selects the media type of a GraphQL response by the Accept header (RFC 9110, 12.5.1)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from starlette.requests import Request

from services.errors import TodoError

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
HTML = "text/html"

UTF_8 = {"utf-8", "utf8"}
_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
# Clients send the same few headers repeatedly. Longer headers are not cached.
_CACHE_SIZE = 256
_MAX_CACHED_LENGTH = 500  # characters


class NotAcceptable(TodoError):
    """The Accept header allows none of the supported media types."""

    code, status, title = "NOT_ACCEPTABLE", 406, "Not acceptable"


@dataclass(frozen=True, slots=True)
class AcceptPreference:
    """Preference of the Accept header among the supported media types."""

    media_type: str | None  # None if the header allows none of them
    accepts_plain_json: bool  # with the same quality as `media_type`
    prefers_html: bool  # as browsers do


@dataclass(frozen=True, slots=True, order=True)
class _Match:
    """Match of a media type with an Accept header. The media type with the greater match is preferred."""

    quality: float = 0.0
    specificity: int = 0
    position: int = 0  # negative, so that earlier ranges compare greater


_MediaRange = tuple[str, float, int]  # media range, quality, position in the header


def parse_accept(request: Request) -> AcceptPreference:
    """Return the preference of the request's Accept header."""
    header = ", ".join(request.headers.getlist("accept"))
    return _parse_cached(header) if len(header) <= _MAX_CACHED_LENGTH else _parse_header(header)


def _parse_header(header: str) -> AcceptPreference:
    ranges = list(_media_ranges(header)) if header.strip() else [("*/*", 1.0, 0)]
    json, graphql, html = (_match(media_type, ranges) for media_type in (JSON, GRAPHQL_JSON, HTML))
    best = max(json, graphql)
    return AcceptPreference(
        media_type=(GRAPHQL_JSON if graphql > json else JSON) if best.quality else None,
        accepts_plain_json=json.quality == best.quality > 0,
        prefers_html=html.specificity > 0 and 0 < html.quality >= best.quality,
    )


_parse_cached = lru_cache(_CACHE_SIZE)(_parse_header)


def _media_ranges(header: str) -> Iterator[_MediaRange]:
    """Yield each media range with its quality and position; skip malformed ranges and those with another charset."""
    for position, part in enumerate(header.split(",")):
        media_range, *parameters = part.split(";")
        quality: float | None = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            match name.strip().lower():
                case "q":
                    quality = float(value) if _QUALITY.fullmatch(value.strip()) else None
                case "charset" if value.strip(' "').lower() not in UTF_8:
                    quality = None
        if quality is not None:
            yield media_range.strip().lower(), quality, position


def _match(media_type: str, ranges: list[_MediaRange]) -> _Match:
    """Return the match with the most specific range; among equally specific ones, the one with the highest quality."""
    specificities = {"*/*": 0, media_type.partition("/")[0] + "/*": 1, media_type: 2}
    matches = [
        _Match(quality, specificities[media_range], -position)
        for media_range, quality, position in ranges
        if media_range in specificities
    ]
    return max(matches, key=lambda match: (match.specificity, match.quality), default=_Match())
