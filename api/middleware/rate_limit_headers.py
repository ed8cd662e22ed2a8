"""RateLimit and RateLimit-Policy headers (draft-ietf-httpapi-ratelimit-headers-10) of every response."""

from starlette.types import Message, Receive, Scope, Send

from api.authentication import client_from_scope
from api.middleware.base import HttpMiddleware
from services.limits.allowance import Tally

HEADERS = ("RateLimit", "RateLimit-Policy")
_NAMES = tuple(name.lower().encode() for name in HEADERS)


class RateLimitHeadersMiddleware(HttpMiddleware):
    """Adds the status of the quotas that the request consumed; if it consumed none, of the quota of anonymous clients."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                client = client_from_scope(scope)
                if not client.tally.standings:
                    await client.quotas.without_blocking(client.allowance.look)
                message["headers"] = [*message.get("headers", ()), *_headers(client.tally)]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _headers(usage: Tally) -> list[tuple[bytes, bytes]]:
    """Return the headers, without policies that are disabled."""
    statuses = usage.standings.values()
    policies = [policy for policy in usage.policies if policy is not None]
    policies += [status.policy for status in statuses if status.policy not in policies]
    items = [status.item for status in statuses], [policy.item for policy in policies]
    return [(name, ", ".join(each).encode()) for name, each in zip(_NAMES, items, strict=True) if each]
