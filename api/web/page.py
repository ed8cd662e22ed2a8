"""HTML pages with a Content-Security-Policy that allows their own inline scripts and no others."""

import base64
import hashlib
import re
from collections.abc import Mapping

from starlette.responses import HTMLResponse

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class HtmlPage:
    """A page of constant text. Browsers run only scripts of this server and the inline scripts of the page itself."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._headers = {
            "Content-Security-Policy": _content_security_policy(html),
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
        }

    def response(self, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """Return the page with its security headers."""
        return HTMLResponse(self._html, headers={**self._headers, **(headers or {})})


def _content_security_policy(html: str) -> str:
    hashes = [_source_hash(script) for script in _INLINE_SCRIPT.findall(html)]
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src", "'self'", *hashes)),
            # The editors of Swagger UI and GraphiQL insert style elements and attributes.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _source_hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
