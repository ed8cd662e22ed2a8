"""REST endpoints. Each one calls one service method."""
