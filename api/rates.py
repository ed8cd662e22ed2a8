"""RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10) on every answer: how the caller stands."""

from math import ceil

from starlette.types import Message, Receive, Scope, Send

from api.arrivals import visitor_in
from api.asgi import HttpMiddleware
from services.rate_limiting.client import Client

HEADERS = ("RateLimit", "RateLimit-Policy")
_NAMES = tuple(name.lower().encode() for name in HEADERS)


class RateHeaders(HttpMiddleware):
    """Shows what was counted. Where nothing was, it shows how a stranger from the same address stands."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_with_rates(message: Message) -> None:
            if message["type"] == "http.response.start":
                visitor = visitor_in(scope)
                if not visitor.usage:
                    await visitor.limiter.run_without_blocking(visitor.anonymous_quota.peek)
                message["headers"] = [*message.get("headers", ()), *_rendered(visitor)]
            await send(message)

        await self._app(scope, receive, send_with_rates)


def _rendered(client: Client) -> list[tuple[bytes, bytes]]:
    """Return the headers. The cost policy applies to every client; disabled policies are not shown."""
    policies = {name: status.policy for name, status in client.usage.items()}
    if cost := client.limiter.policies.get("cost"):
        policies[cost.name] = cost
    remaining = [f'"{name}";r={used.remaining};t={ceil(used.resets_in)}' for name, used in client.usage.items()]
    quotas = [f'"{policy.name}";q={policy.amount};w={policy.window}' for policy in policies.values()]
    return [(name, ", ".join(items).encode()) for name, items in zip(_NAMES, (remaining, quotas), strict=True) if items]
