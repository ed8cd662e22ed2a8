"""RateLimit and RateLimit-Policy headers (draft-ietf-httpapi-ratelimit-headers-10) of every response."""

from math import ceil

from starlette.types import Message, Receive, Scope, Send

from api.authentication import client_from_scope
from api.middleware.base import HttpMiddleware
from services.rate_limiting.client import Client

HEADER_NAMES = ("RateLimit", "RateLimit-Policy")
_RAW_NAMES = tuple(name.lower().encode() for name in HEADER_NAMES)


class RateLimitHeadersMiddleware(HttpMiddleware):
    """Adds the status of the quotas that the request consumed; if it consumed none, of the quota of anonymous clients."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                client = client_from_scope(scope)
                if not client.usage:
                    await client.limiter.run_without_blocking(client.anonymous_quota.peek)
                message["headers"] = [*message.get("headers", ()), *_headers(client)]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _headers(client: Client) -> list[tuple[bytes, bytes]]:
    """Return the headers. The cost policy applies to every client; disabled policies are not shown."""
    policies = {name: status.policy for name, status in client.usage.items()}
    if cost := client.limiter.policies.get("cost"):
        policies[cost.name] = cost
    remaining = [f'"{name}";r={status.remaining};t={ceil(status.resets_in)}' for name, status in client.usage.items()]
    quotas = [f'"{policy.name}";q={policy.amount};w={policy.window}' for policy in policies.values()]
    return [(name, ", ".join(items).encode()) for name, items in zip(_RAW_NAMES, (remaining, quotas), strict=True) if items]
