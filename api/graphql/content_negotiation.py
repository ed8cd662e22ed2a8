"""What clients accept → in which media type they are answered (RFC 9110, 12.5.1)."""

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
# Clients send the same few texts over and over; what is longer than any of them is not worth remembering.
_CACHE_SIZE = 256
_MAX_CACHED_LENGTH = 500  # characters


class NotAcceptable(TodoError):
    """The client wants an answer in a media type that is not spoken here."""

    code, status, title = "NOT_ACCEPTABLE", 406, "Not acceptable"


@dataclass(frozen=True, slots=True)
class AcceptPreference:
    """How a client wishes to be answered: in which of our media types, if any of them will do.

    `json_would_do` where plain JSON is no less welcome, `html` where a page is welcome before all: a browser.
    """

    media_type: str | None
    accepts_plain_json: bool
    prefers_html: bool


@dataclass(frozen=True, slots=True, order=True)
class _Match:
    """How well an Accept header suits a media type. What compares greater is answered."""

    quality: float = 0.0
    specificity: int = 0
    position: int = 0


_Range = tuple[str, float, int]


def parse_accept(request: Request) -> AcceptPreference:
    """Return how the client wishes to be answered."""
    header = ", ".join(request.headers.getlist("accept"))
    return _cached(header) if len(header) <= _MAX_CACHED_LENGTH else _read(header)


def _read(header: str) -> AcceptPreference:
    ranges = list(_ranges(header)) if header.strip() else [("*/*", 1.0, 0)]
    json, graphql, html = (_match(media_type, ranges) for media_type in (JSON, GRAPHQL_JSON, HTML))
    best = max(json, graphql)
    chosen = GRAPHQL_JSON if graphql > json else JSON
    return AcceptPreference(
        media_type=chosen if best.quality else None,
        accepts_plain_json=json.quality == best.quality > 0,
        prefers_html=html.specificity > 0 and 0 < html.quality >= best.quality,
    )


_cached = lru_cache(_CACHE_SIZE)(_read)


def _ranges(header: str) -> Iterator[_Range]:
    """Yield each media range with its quality and its place. What is malformed, or wants another charset, is passed over."""
    for place, part in enumerate(header.split(",")):
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
            yield media_range.strip().lower(), quality, place


def _match(media_type: str, ranges: list[_Range]) -> _Match:
    """Let the most precise range decide; of equal ones, the best."""
    precisions = {"*/*": 0, media_type.partition("/")[0] + "/*": 1, media_type: 2}
    matches = [
        _Match(quality, precisions[media_range], -place) for media_range, quality, place in ranges if media_range in precisions
    ]
    return max(matches, key=lambda match: (match.specificity, match.quality), default=_Match())
