"""Percent-encoding of paths: `%2F` is a part of a segment, not a separator of segments (RFC 3986, 2.2)."""

from urllib.parse import unquote

from starlette.types import Receive, Scope, Send

from api.middleware.base import HttpMiddleware

# In patterns of routes, `$` matches before a final line feed, too.
_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", "\n": "%0A"})


class PathEncodingMiddleware(HttpMiddleware):
    """Replaces the decoded path by one that routes can match: of each segment, only `/`, `%` and line feeds are encoded.

    OrjsonRoute decodes the path parameters.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request."""
        raw_path = scope.get("raw_path")
        if raw_path is None:
            scope["path"] = "/".join(segment.translate(_ESCAPES) for segment in scope["path"].split("/"))
        elif b"%" in raw_path:
            scope["path"] = "/".join(unquote(segment).translate(_ESCAPES) for segment in raw_path.decode("latin-1").split("/"))
        await self._app(scope, receive, send)
