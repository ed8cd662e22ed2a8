"""WebSocket protocol of uvicorn that ends the count of its connection."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.server.process_limits import PROCESS_LIMITS, ProcessLimits


class CountedWebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket, on a connection that the HTTP protocol has counted."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting the connection."""
        limits: ProcessLimits = self.app_state[PROCESS_LIMITS]
        limits.connections.release(self.transport)
        super().connection_lost(exc)
