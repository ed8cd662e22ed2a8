"""RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10) on every answer: how the caller stands."""

from starlette.types import Message, Receive, Scope, Send

from api.authentication import visitor_in
from api.middleware.base import HttpMiddleware
from services.limits.allowance import Tally

HEADERS = ("RateLimit", "RateLimit-Policy")
_NAMES = tuple(name.lower().encode() for name in HEADERS)


class RateHeaders(HttpMiddleware):
    """Shows what was counted. Where nothing was, it shows how a stranger from the same address stands."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_with_rates(message: Message) -> None:
            if message["type"] == "http.response.start":
                visitor = visitor_in(scope)
                if not visitor.tally.standings:
                    await visitor.quotas.without_blocking(visitor.allowance.look)
                message["headers"] = [*message.get("headers", ()), *_rendered(visitor.tally)]
            await send(message)

        await self._app(scope, receive, send_with_rates)


def _rendered(tally: Tally) -> list[tuple[bytes, bytes]]:
    """Return the headers; what is off is not shown."""
    standings = tally.standings.values()
    policies = [policy for policy in tally.policies if policy is not None]
    policies += [standing.policy for standing in standings if standing.policy not in policies]
    items = [standing.item for standing in standings], [policy.item for policy in policies]
    return [(name, ", ".join(each).encode()) for name, each in zip(_NAMES, items, strict=True) if each]
