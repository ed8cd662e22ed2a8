"""Options of uvicorn: protocol limits, trusted proxies and logging."""

from typing import Any

from api.server.http_protocol import LimitedHttpProtocol
from api.server.websocket_protocol import CountedWebSocketProtocol
from api.settings import Settings

MAX_WEBSOCKET_MESSAGE_BYTES = 64 * 1024


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    """Return keyword arguments for uvicorn.Config."""
    return {
        "http": LimitedHttpProtocol,
        "ws": CountedWebSocketProtocol,
        "ws_max_size": MAX_WEBSOCKET_MESSAGE_BYTES,
        "proxy_headers": True,
        "forwarded_allow_ips": settings.forwarded_allow_ips,
        "server_header": False,
        "log_config": None,
        "access_log": False,
    }
