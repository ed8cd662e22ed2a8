"""Everything that speaks HTTP. Routes name a shape, call one service method, and wrap its answer for the wire."""
